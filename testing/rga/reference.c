// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

/*
 * Formats
 *
 * @bytes: what each byte of a pixel is (of two pixels if it has two Ys), in memory; X is padding
 * @bits: or where the bits of R, G, B and A begin in a word of 16, and how many they are
 * @chroma: of YUV in planes: the second plane (U and V in turn), or the second and third one
 */
struct format {
	__u32 fourcc;
	const char *bytes;
	unsigned char bits[4][2];
	const char *chroma;
	int hdiv, vdiv;
};

static const struct format formats[] = {
	{ .fourcc = V4L2_PIX_FMT_ARGB32, .bytes = "ARGB" },
	{ .fourcc = V4L2_PIX_FMT_ABGR32, .bytes = "BGRA" },
	{ .fourcc = V4L2_PIX_FMT_RGBA32, .bytes = "RGBA" },
	{ .fourcc = V4L2_PIX_FMT_BGRA32, .bytes = "ABGR" },
	{ .fourcc = V4L2_PIX_FMT_XRGB32, .bytes = "XRGB" },
	{ .fourcc = V4L2_PIX_FMT_XBGR32, .bytes = "BGRX" },
	{ .fourcc = V4L2_PIX_FMT_RGBX32, .bytes = "RGBX" },
	{ .fourcc = V4L2_PIX_FMT_BGRX32, .bytes = "XBGR" },
	{ .fourcc = V4L2_PIX_FMT_RGB24, .bytes = "RGB" },
	{ .fourcc = V4L2_PIX_FMT_BGR24, .bytes = "BGR" },
	{ .fourcc = V4L2_PIX_FMT_RGB565, .bits = { { 11, 5 }, { 5, 6 }, { 0, 5 } } },
	{ .fourcc = V4L2_PIX_FMT_ARGB555, .bits = { { 10, 5 }, { 5, 5 }, { 0, 5 }, { 15, 1 } } },
	{ .fourcc = V4L2_PIX_FMT_ARGB444, .bits = { { 8, 4 }, { 4, 4 }, { 0, 4 }, { 12, 4 } } },
	{ .fourcc = V4L2_PIX_FMT_YUYV, .bytes = "YUYV", .hdiv = 2, .vdiv = 1 },
	{ .fourcc = V4L2_PIX_FMT_YVYU, .bytes = "YVYU", .hdiv = 2, .vdiv = 1 },
	{ .fourcc = V4L2_PIX_FMT_UYVY, .bytes = "UYVY", .hdiv = 2, .vdiv = 1 },
	{ .fourcc = V4L2_PIX_FMT_VYUY, .bytes = "VYUY", .hdiv = 2, .vdiv = 1 },
	{ .fourcc = V4L2_PIX_FMT_NV12, .chroma = "UV", .hdiv = 2, .vdiv = 2 },
	{ .fourcc = V4L2_PIX_FMT_NV12M, .chroma = "UV", .hdiv = 2, .vdiv = 2 },
	{ .fourcc = V4L2_PIX_FMT_NV21, .chroma = "VU", .hdiv = 2, .vdiv = 2 },
	{ .fourcc = V4L2_PIX_FMT_NV21M, .chroma = "VU", .hdiv = 2, .vdiv = 2 },
	{ .fourcc = V4L2_PIX_FMT_NV16, .chroma = "UV", .hdiv = 2, .vdiv = 1 },
	{ .fourcc = V4L2_PIX_FMT_NV16M, .chroma = "UV", .hdiv = 2, .vdiv = 1 },
	{ .fourcc = V4L2_PIX_FMT_NV61, .chroma = "VU", .hdiv = 2, .vdiv = 1 },
	{ .fourcc = V4L2_PIX_FMT_NV61M, .chroma = "VU", .hdiv = 2, .vdiv = 1 },
	{ .fourcc = V4L2_PIX_FMT_YUV420, .chroma = "U,V", .hdiv = 2, .vdiv = 2 },
	{ .fourcc = V4L2_PIX_FMT_YVU420, .chroma = "V,U", .hdiv = 2, .vdiv = 2 },
	{ .fourcc = V4L2_PIX_FMT_YUV422P, .chroma = "U,V", .hdiv = 2, .vdiv = 1 },
};

static const struct format *find_format(__u32 fourcc)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (formats[i].fourcc == fourcc)
			return &formats[i];
	return NULL;
}

static bool is_yuv(const struct format *f)
{
	return f->hdiv;
}

/* Where the samples of a picture are */
struct picture {
	const struct format *f;
	__u8 *plane[3];
	size_t stride[3];
};

/* The planes of one buffer follow each other, with all their lines. */
static size_t plane_of(const struct format *f, const struct v4l2_pix_format_mplane *p, int i,
		       int *plane, size_t *stride)
{
	size_t line = p->plane_fmt[0].bytesperline;
	size_t other = f->chroma && f->chroma[1] == ',' ? line / 2 : line;

	*plane = 0;
	*stride = i ? other : line;
	if (i && p->num_planes > 1) {
		*plane = i;
		*stride = p->plane_fmt[i].bytesperline;
		return 0;
	}
	return i == 0 ? 0 : line * p->height + (i - 1) * other * (p->height / f->vdiv);
}

static int num_planes(const struct format *f)
{
	return !f->chroma ? 1 : f->chroma[1] == ',' ? 3 : 2;
}

static struct picture map_picture(const struct format *f, const struct v4l2_pix_format_mplane *p,
				  void *const buffer[])
{
	struct picture pic = { .f = f };
	size_t offset;
	int i, plane;

	for (i = 0; i < num_planes(f); i++) {
		offset = plane_of(f, p, i, &plane, &pic.stride[i]);
		pic.plane[i] = (__u8 *)buffer[plane] + offset;
	}
	return pic;
}

/*
 * Pixels: R, G, B or Y, U, V; and A
 */
struct pixel {
	int c[4];
};

#define ALPHA 3

static __u8 *sample(const struct picture *pic, char what, int x, int y)
{
	const struct format *f = pic->f;
	int i, size;

	if (!f->chroma) {
		size = strlen(f->bytes);
		if (is_yuv(f)) {
			/* The first Y or the second one */
			i = strchr(f->bytes, what) - f->bytes;
			if (what == 'Y')
				i += 2 * (x % 2);
			x /= 2;
		} else {
			i = strchr(f->bytes, what) - f->bytes;
		}
		return pic->plane[0] + y * pic->stride[0] + x * size + i;
	}
	if (what == 'Y')
		return pic->plane[0] + y * pic->stride[0] + x;
	x /= f->hdiv;
	y /= f->vdiv;
	i = strchr(f->chroma, what) - f->chroma;
	if (f->chroma[1] == ',')
		return pic->plane[1 + i / 2] + y * pic->stride[1 + i / 2] + x;
	return pic->plane[1] + y * pic->stride[1] + 2 * x + i;
}

static const char *components(const struct format *f)
{
	return is_yuv(f) ? "YUV" : "RGB";
}

static struct pixel load(const struct picture *pic, int x, int y)
{
	const struct format *f = pic->f;
	struct pixel px = { { 0, 0, 0, 255 } };
	int i, n, bit, word;

	if (f->bytes || f->chroma) {
		for (i = 0; i < 3; i++)
			px.c[i] = *sample(pic, components(f)[i], x, y);
		if (f->bytes && strchr(f->bytes, 'A'))
			px.c[ALPHA] = *sample(pic, 'A', x, y);
		return px;
	}
	word = pic->plane[0][y * pic->stride[0] + 2 * x] |
	       pic->plane[0][y * pic->stride[0] + 2 * x + 1] << 8;
	for (i = 0; i < 4; i++) {
		n = f->bits[i][1];
		if (!n)
			continue;
		px.c[i] = 0;
		/* All bits from the top, again and again, until there are eight. */
		for (bit = 0; bit < 8; bit++)
			px.c[i] = px.c[i] * 2 + (word >> (f->bits[i][0] + n - 1 - bit % n)) % 2;
	}
	return px;
}

static void store(const struct picture *pic, int x, int y, const struct pixel *px)
{
	const struct format *f = pic->f;
	int i, word = 0;

	if (f->bytes || f->chroma) {
		for (i = 0; i < (is_yuv(f) ? 1 : 3); i++)
			*sample(pic, components(f)[i], x, y) = px->c[i];
		if (f->bytes && strchr(f->bytes, 'A'))
			*sample(pic, 'A', x, y) = px->c[ALPHA];
		if (f->bytes && strchr(f->bytes, 'X'))
			*sample(pic, 'X', x, y) = px->c[ALPHA];
		return;
	}
	for (i = 0; i < 4; i++)
		word += px->c[i] / (1 << (8 - f->bits[i][1])) * (1 << f->bits[i][0]);
	pic->plane[0][y * pic->stride[0] + 2 * x] = word % 256;
	pic->plane[0][y * pic->stride[0] + 2 * x + 1] = word / 256;
}

/*
 * Colours
 */

struct matrix {
	bool to_rgb;
	int black;		/* what Y has for it */
	long k[3][3];
};

static void make_matrix(struct matrix *m, bool to_rgb, double kr, double kb, bool limited)
{
	double y = limited ? 219 / 255.0 : 1, c = limited ? 224 / 255.0 : 1, kg = 1 - kr - kb;
	const double yuv[3][3] = {
		{ kr * y, kg * y, kb * y },
		{ -kr / (1 - kb) / 2 * c, -kg / (1 - kb) / 2 * c, c / 2 },
		{ c / 2, -kg / (1 - kr) / 2 * c, -kb / (1 - kr) / 2 * c },
	};
	const double rgb[3][3] = {
		{ 1 / y, 0, 2 * (1 - kr) / c },
		{ 1 / y, -2 * kb * (1 - kb) / kg / c, -2 * kr * (1 - kr) / kg / c },
		{ 1 / y, 2 * (1 - kb) / c, 0 },
	};
	int i, j;

	m->to_rgb = to_rgb;
	m->black = limited ? 16 : 0;
	for (i = 0; i < 3; i++)
		for (j = 0; j < 3; j++)
			m->k[i][j] = lround(65536 * (to_rgb ? rgb : yuv)[i][j]);
}

/* What the formats say of the side that is YUV; RGA2 knows colour spaces, RGA3 encodings. */
static void choose_matrix(struct matrix *m, const struct ref_op *op, bool to_rgb)
{
	const struct v4l2_pix_format_mplane *yuv = to_rgb ? &op->in : &op->out;

	if (op->generation == 2 ? yuv->colorspace == V4L2_COLORSPACE_REC709 :
				  yuv->ycbcr_enc == V4L2_YCBCR_ENC_709)
		make_matrix(m, to_rgb, 0.2126, 0.0722, true);
	else if (op->generation == 3 && yuv->ycbcr_enc == V4L2_YCBCR_ENC_BT2020)
		make_matrix(m, to_rgb, 0.2627, 0.0593, true);
	else
		make_matrix(m, to_rgb, 0.299, 0.114, op->generation == 2 ||
			    yuv->quantization == V4L2_QUANTIZATION_LIM_RANGE);
}

static void convert(const struct matrix *m, struct pixel *px)
{
	const int yuv[3] = { m->black, 128, 128 };
	const struct pixel from = *px;
	int i, j;
	long sum;

	for (i = 0; i < 3; i++) {
		sum = 32768;
		for (j = 0; j < 3; j++)
			sum += m->k[i][j] * (from.c[j] - (m->to_rgb ? yuv[j] : 0));
		sum = (sum >> 16) + (m->to_rgb ? 0 : yuv[i]);
		px->c[i] = sum < 0 ? 0 : sum > 255 ? 255 : sum;
	}
}

/*
 * Geometry
 */

/* The source pixel for pixel @i, when @from pixels become @to */
static long nearest(int generation, long i, long from, long to)
{
	long factor;

	if (from == to)
		return i;
	if (from < to) {
		factor = (from - 1) * 65536 / (to - 1);
		/* Here, and only here, it would reach the last pixel. */
		if (generation == 3 && (from - 1) * 65536 % (to - 1) == 0)
			factor--;
		return i * factor / 65536;
	}
	factor = generation == 3 ? (to - 1) * 65536 / (from - 1) + 1 : to * 65536 / from + 1;
	return (i * 65536 + factor - 1) / factor;
}

struct canvas {
	int width, height;
	struct pixel *px;
};

static struct pixel *at(const struct canvas *c, int x, int y)
{
	return &c->px[(size_t)y * c->width + x];
}

static int new_canvas(struct canvas *c, int width, int height)
{
	c->width = width;
	c->height = height;
	c->px = calloc((size_t)width * height, sizeof(*c->px));
	return c->px ? 0 : -ENOMEM;
}

enum step { TURN, HFLIP, VFLIP };

static int transform(struct canvas *c, enum step step)
{
	struct canvas new;
	int x, y, ret;

	ret = new_canvas(&new, step == TURN ? c->height : c->width,
			 step == TURN ? c->width : c->height);
	if (ret)
		return ret;
	for (y = 0; y < c->height; y++) {
		for (x = 0; x < c->width; x++) {
			if (step == TURN)
				*at(&new, c->height - 1 - y, x) = *at(c, x, y);
			else if (step == HFLIP)
				*at(&new, c->width - 1 - x, y) = *at(c, x, y);
			else
				*at(&new, x, c->height - 1 - y) = *at(c, x, y);
		}
	}
	free(c->px);
	*c = new;
	return 0;
}

static int scale(struct canvas *c, const struct ref_op *op, const struct picture *in, int width,
		 int height)
{
	int x, y, ret;

	ret = new_canvas(c, width, height);
	if (ret)
		return ret;
	for (y = 0; y < height; y++)
		for (x = 0; x < width; x++)
			*at(c, x, y) = load(in, op->crop.left + nearest(op->generation, x,
						op->crop.width, width),
					    op->crop.top + nearest(op->generation, y,
						op->crop.height, height));
	return 0;
}

/* The mean of a block */
static int mean(const struct canvas *c, const struct format *f, int x, int y, int component)
{
	int dx, dy, sum = 0, n = f->hdiv * f->vdiv;

	for (dy = 0; dy < f->vdiv; dy++)
		for (dx = 0; dx < f->hdiv; dx++)
			sum += at(c, x + dx, y + dy)->c[component];
	return (2 * sum + n) / (2 * n);
}

static void paint(const struct canvas *c, const struct ref_op *op, const struct picture *out)
{
	int x, y, left = op->compose.left, top = op->compose.top;
	const struct format *f = out->f;

	for (y = 0; y < c->height; y++) {
		for (x = 0; x < c->width; x++) {
			store(out, left + x, top + y, at(c, x, y));
			if (!is_yuv(f) || x % f->hdiv || y % f->vdiv)
				continue;
			*sample(out, 'U', left + x, top + y) = mean(c, f, x, y, 1);
			*sample(out, 'V', left + x, top + y) = mean(c, f, x, y, 2);
		}
	}
}

int ref_run(const struct ref_op *op, void *const in[], void *const out[])
{
	const struct format *from = find_format(op->in.pixelformat);
	const struct format *to = find_format(op->out.pixelformat);
	bool turned = op->rotate % 180;
	struct picture src, dst;
	struct matrix matrix;
	struct canvas c = {};
	int ret, i;

	if (!from || !to)
		return -EINVAL;
	src = map_picture(from, &op->in, in);
	dst = map_picture(to, &op->out, out);
	ret = scale(&c, op, &src, turned ? op->compose.height : op->compose.width,
		    turned ? op->compose.width : op->compose.height);
	for (i = 0; i < op->rotate && !ret; i += 90)
		ret = transform(&c, TURN);
	if (!ret && op->hflip)
		ret = transform(&c, HFLIP);
	if (!ret && op->vflip)
		ret = transform(&c, VFLIP);
	if (!ret && is_yuv(from) != is_yuv(to)) {
		choose_matrix(&matrix, op, is_yuv(from));
		for (i = 0; i < c.width * c.height; i++)
			convert(&matrix, &c.px[i]);
	}
	if (!ret)
		paint(&c, op, &dst);
	free(c.px);
	return ret;
}

int ref_ranges(const struct v4l2_pix_format_mplane *format, const struct v4l2_rect *rect,
	       struct hs_range ranges[3])
{
	const struct format *f = find_format(format->pixelformat);
	int i, hdiv, vdiv, bytes;

	if (!f)
		return -EINVAL;
	for (i = 0; i < num_planes(f); i++) {
		struct hs_range *r = &ranges[i];

		hdiv = i && num_planes(f) == 3 ? 2 : 1;
		vdiv = i ? f->vdiv : 1;
		bytes = f->chroma ? 1 : !f->bytes ? 2 : is_yuv(f) ? 2 : strlen(f->bytes);
		r->offset = plane_of(f, format, i, &r->plane, &r->stride);
		r->offset += rect->top / vdiv * r->stride + rect->left * bytes / hdiv;
		r->width = rect->width * bytes / hdiv;
		r->rows = rect->height / vdiv;
	}
	return num_planes(f);
}
