// SPDX-License-Identifier: GPL-2.0
/*
 * Pictures: see rga.h.
 */

#include <linux/io.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "rga.h"

bool rga_fetch(struct model *m, u32 base, u32 size)
{
	const void *commands = model_memory(m, base, size);

	if (!commands)
		return false;
	memcpy(&m->regs[RGA_COMMANDS / 4], commands, size);
	return true;
}

/* Memory, byte by byte */

static bool rga_map(struct rga_picture *p, struct rga_plane *plane, u32 addr)
{
	u32 page = addr & PAGE_MASK;

	/* One is enough. */
	if (p->bad)
		return false;
	if (p->mmu) {
		const u32 *entry = model_memory(p->m, p->table + PHYS_PFN(addr) * 4, 4);

		if (!entry)
			goto bad;
		page = *entry & PAGE_MASK;
	}
	plane->map = model_memory(p->m, page, PAGE_SIZE);
	plane->page = PHYS_PFN(addr);
	if (plane->map)
		return true;
bad:
	p->bad = true;
	return false;
}

static u8 *rga_at(struct rga_picture *p, unsigned int plane, u32 x, u32 y)
{
	struct rga_plane *pl = &p->plane[plane];
	u32 addr = pl->addr + y * pl->stride + x;

	if (pl->map && PHYS_PFN(addr) == pl->page)
		return pl->map + offset_in_page(addr);
	return rga_map(p, pl, addr) ? pl->map + offset_in_page(addr) : &p->nowhere;
}

/* Pixels */

struct rga_pixel {
	u8 a;
	u8 c[3];
};

/* Bits of R (or B) in the low bits, G, B (or R), alpha above */
static const u8 rga_bits[][4] = {
	[RGA_565] = { 5, 6, 5, 0 },
	[RGA_1555] = { 5, 5, 5, 1 },
	[RGA_4444] = { 4, 4, 4, 4 },
};

static u8 rga_widen(u32 val, unsigned int bits)
{
	unsigned int have;

	val <<= 8 - bits;
	for (have = bits; have < 8; have *= 2)
		val |= val >> have;
	return val;
}

static struct rga_pixel rga_get(struct rga_picture *p, u32 x, u32 y)
{
	struct rga_pixel px = { .a = 255 };
	unsigned int i, first;
	u32 word, cx, cy;

	switch (p->pixels) {
	case RGA_8888:
	case RGA_888:
		first = p->pixels == RGA_8888 && p->alpha_first;
		x *= p->pixels == RGA_8888 ? 4 : 3;
		for (i = 0; i < 3; i++)
			px.c[p->blue_first ? 2 - i : i] = *rga_at(p, 0, x + first + i, y);
		if (p->pixels == RGA_8888 && !p->padded)
			px.a = *rga_at(p, 0, x + (first ? 0 : 3), y);
		return px;
	case RGA_YUV:
		cx = x / p->hdiv;
		cy = y / p->vdiv;
		if (p->planes == 1) {
			px.c[0] = *rga_at(p, 0, 2 * x + !p->luma_first, y);
			px.c[1] = *rga_at(p, 0, 4 * cx + p->luma_first + 2 * p->v_first, y);
			px.c[2] = *rga_at(p, 0, 4 * cx + p->luma_first + 2 * !p->v_first, y);
			return px;
		}
		px.c[0] = *rga_at(p, 0, x, y);
		if (p->planes == 2) {
			px.c[1] = *rga_at(p, 1, 2 * cx + p->v_first, cy);
			px.c[2] = *rga_at(p, 1, 2 * cx + !p->v_first, cy);
		} else {
			px.c[1] = *rga_at(p, 1 + p->v_first, cx, cy);
			px.c[2] = *rga_at(p, 1 + !p->v_first, cx, cy);
		}
		return px;
	default:
		word = *rga_at(p, 0, 2 * x, y) | *rga_at(p, 0, 2 * x + 1, y) << 8;
		for (i = 0; i < 4; i++) {
			unsigned int bits = rga_bits[p->pixels][i];
			u8 val = rga_widen(word & (BIT(bits) - 1), bits ?: 8);

			word >>= bits;
			if (i < 3)
				px.c[p->blue_first ? 2 - i : i] = val;
			else if (bits)
				px.a = val;
		}
		return px;
	}
}

/* All of it but the chroma */
static void rga_put(struct rga_picture *p, u32 x, u32 y, const struct rga_pixel *px)
{
	unsigned int i, first;
	u32 word = 0;

	switch (p->pixels) {
	case RGA_8888:
	case RGA_888:
		first = p->pixels == RGA_8888 && p->alpha_first;
		x *= p->pixels == RGA_8888 ? 4 : 3;
		for (i = 0; i < 3; i++)
			*rga_at(p, 0, x + first + i, y) = px->c[p->blue_first ? 2 - i : i];
		if (p->pixels == RGA_8888)
			*rga_at(p, 0, x + (first ? 0 : 3), y) = px->a;
		break;
	case RGA_YUV:
		if (p->planes == 1)
			*rga_at(p, 0, 2 * x + !p->luma_first, y) = px->c[0];
		else
			*rga_at(p, 0, x, y) = px->c[0];
		break;
	default:
		for (i = 4; i--;) {
			unsigned int bits = rga_bits[p->pixels][i];
			u8 val = i == 3 ? px->a : px->c[p->blue_first ? 2 - i : i];

			word = word << bits | val >> (8 - bits);
		}
		*rga_at(p, 0, 2 * x, y) = word;
		*rga_at(p, 0, 2 * x + 1, y) = word >> 8;
		break;
	}
}

static void rga_put_chroma(struct rga_picture *p, u32 x, u32 y, const u8 *uv)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		u8 val = uv[p->v_first ? 1 - i : i];

		if (p->planes == 1)
			*rga_at(p, 0, 4 * x + p->luma_first + 2 * i, y) = val;
		else if (p->planes == 2)
			*rga_at(p, 1, 2 * x + i, y) = val;
		else
			*rga_at(p, 1 + i, x, y) = val;
	}
}

/* Operations */

static const struct rga_csc rga_to_rgb[RGA_ENCODINGS] = {
	[RGA_BT601] = { .k = {
		{ 76309, 0, 104597 }, { 76309, -25675, -53279 }, { 76309, 132201, 0 },
	}, .in = 16, .to_rgb = true },
	[RGA_BT601_FULL] = { .k = {
		{ 65536, 0, 91881 }, { 65536, -22553, -46802 }, { 65536, 116130, 0 },
	}, .to_rgb = true },
	[RGA_BT709] = { .k = {
		{ 76309, 0, 117489 }, { 76309, -13975, -34925 }, { 76309, 138438, 0 },
	}, .in = 16, .to_rgb = true },
	[RGA_BT2020] = { .k = {
		{ 76309, 0, 110014 }, { 76309, -12277, -42626 }, { 76309, 140363, 0 },
	}, .in = 16, .to_rgb = true },
};

static const struct rga_csc rga_to_yuv[RGA_ENCODINGS] = {
	[RGA_BT601] = { .k = {
		{ 16829, 33039, 6416 }, { -9714, -19071, 28784 }, { 28784, -24103, -4681 },
	}, .out = 16 },
	[RGA_BT601_FULL] = { .k = {
		{ 19595, 38470, 7471 }, { -11058, -21710, 32768 }, { 32768, -27439, -5329 },
	} },
	[RGA_BT709] = { .k = {
		{ 11966, 40254, 4064 }, { -6596, -22189, 28784 }, { 28784, -26145, -2639 },
	}, .out = 16 },
	[RGA_BT2020] = { .k = {
		{ 14786, 38160, 3338 }, { -8038, -20746, 28784 }, { 28784, -26469, -2315 },
	}, .out = 16 },
};

const struct rga_csc *rga_csc(enum rga_encoding encoding, bool to_rgb)
{
	return to_rgb ? &rga_to_rgb[encoding] : &rga_to_yuv[encoding];
}

static void rga_convert(const struct rga_csc *csc, u8 *c)
{
	s32 in[3] = { c[0] - csc->in, c[1], c[2] };
	unsigned int i;

	if (csc->to_rgb) {
		in[1] -= 128;
		in[2] -= 128;
	}
	for (i = 0; i < 3; i++) {
		s32 sum = csc->k[i][0] * in[0] + csc->k[i][1] * in[1] + csc->k[i][2] * in[2];
		s32 add = csc->to_rgb ? 0 : i ? 128 : csc->out;

		c[i] = clamp(((sum + 32768) >> 16) + add, 0, 255);
	}
}

static u32 rga_scale(const struct rga_scaler *s, u32 i)
{
	switch (s->mode) {
	case RGA_DOWN:
		return DIV_ROUND_UP(i << 16, s->factor ?: 1);
	case RGA_UP:
		return i * s->factor >> 16;
	default:
		return i;
	}
}

/* Where pixel x, y comes from */
static void rga_locate(const struct rga_job *j, u32 x, u32 y, u32 *sx, u32 *sy)
{
	u32 right = j->dst.width - 1, bottom = j->dst.height - 1;

	if (j->mirror_x)
		x = right - x;
	if (j->mirror_y)
		y = bottom - y;
	switch (j->rotate) {
	case 0:
		*sx = x;
		*sy = y;
		break;
	case 1:
		*sx = y;
		*sy = right - x;
		break;
	case 2:
		*sx = right - x;
		*sy = bottom - y;
		break;
	default:
		*sx = bottom - y;
		*sy = x;
		break;
	}
	*sx = rga_scale(&j->x, *sx);
	*sy = rga_scale(&j->y, *sy);
}

static enum rga_result rga_block(struct rga_job *j, u32 x, u32 y)
{
	struct rga_picture *src = &j->src, *dst = &j->dst;
	u32 count = dst->hdiv * dst->vdiv, sum[2] = {};
	u32 dx, dy, sx, sy;
	struct rga_pixel px;
	u8 uv[2];

	for (dy = y; dy < y + dst->vdiv; dy++) {
		for (dx = x; dx < x + dst->hdiv; dx++) {
			rga_locate(j, dx, dy, &sx, &sy);
			if (sx >= src->width)
				return RGA_BAD_X;
			if (sy >= src->height)
				return RGA_BAD_Y;
			px = rga_get(src, sx, sy);
			if (src->bad)
				return RGA_BAD_READ;
			if (j->alpha >= 0)
				px.a = j->alpha;
			if (j->csc)
				rga_convert(j->csc, px.c);
			sum[0] += px.c[1];
			sum[1] += px.c[2];
			rga_put(dst, dx, dy, &px);
		}
	}
	if (dst->pixels != RGA_YUV)
		return RGA_OK;
	uv[0] = (sum[0] + count / 2) / count;
	uv[1] = (sum[1] + count / 2) / count;
	rga_put_chroma(dst, x / dst->hdiv, y / dst->vdiv, uv);
	return RGA_OK;
}

static u32 rga_line_bytes(const struct rga_picture *p, unsigned int plane)
{
	switch (p->pixels) {
	case RGA_8888:
		return p->width * 4;
	case RGA_888:
		return p->width * 3;
	case RGA_YUV:
		if (p->planes == 1)
			return p->width * 2;
		return plane && p->planes == 3 ? p->width / p->hdiv :
		       plane ? p->width / p->hdiv * 2 : p->width;
	default:
		return p->width * 2;
	}
}

static void rga_tell(struct rga_picture *p)
{
	unsigned int i, planes = p->pixels == RGA_YUV ? p->planes : 1;
	u32 x, y, len, bytes, lines;

	for (i = 0; i < planes; i++) {
		bytes = rga_line_bytes(p, i);
		lines = p->height / (i ? p->vdiv : 1);
		model_part(p->m, virt_to_phys(rga_at(p, i, 0, 0)));
		for (y = 0; y < lines; y++) {
			for (x = 0; x < bytes; x += len) {
				const u8 *at = rga_at(p, i, x, y);

				len = min_t(u32, bytes - x, PAGE_SIZE - offset_in_page(at));
				model_wrote(p->m, at, len);
			}
		}
	}
}

enum rga_result rga_run(struct rga_job *j)
{
	struct rga_picture *src = &j->src, *dst = &j->dst;
	enum rga_result ret;
	u32 x, y;

	if (src->width % src->hdiv || src->height % src->vdiv ||
	    dst->width % dst->hdiv || dst->height % dst->vdiv)
		return RGA_BAD_SIZE;
	for (y = 0; y < dst->height; y += dst->vdiv) {
		for (x = 0; x < dst->width; x += dst->hdiv) {
			ret = rga_block(j, x, y);
			if (ret)
				return ret;
			if (dst->bad)
				return RGA_BAD_WRITE;
		}
	}
	rga_tell(dst);
	return RGA_OK;
}
