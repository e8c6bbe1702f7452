// SPDX-License-Identifier: GPL-2.0
/*
 * RGA2, as in RK3568: see rga.h for what it does to pictures.
 *
 * It fetches its commands when it is started, and only in master mode. Source and destination
 * are addresses behind its MMU, if that is on; the source's is that of the first pixel, the
 * destination's that of the pixel that the first one of the source becomes: a corner, as it has
 * been rotated and mirrored. A corner on the right has the address of the last byte of chroma.
 * Chroma lines are as long as luma lines, or half as long if there are two planes of them.
 *
 * A soft reset stops it and leaves the registers alone. Bit 0 of the first register is up as
 * long as that has not worked.
 */

#include "rga.h"

enum {
	SYS_CTRL	= 0x000,	/* 1 master mode, 3 and 4 soft reset, 0 not yet done */
	CMD_CTRL	= 0x004,	/* 0 start */
	CMD_BASE	= 0x008,
	STATUS		= 0x00c,	/* 0 at work */
	INT		= 0x010,	/* 3:0 status, 7:4 clear, 10:8 enable 2:0 */
	VERSION		= 0x028,
	MODE_CTRL	= 0x100,	/* 0 is what there is: from source to destination */
	SRC_INFO	= 0x104,
	SRC_BASE	= 0x108,	/* three of them */
	SRC_VIR_INFO	= 0x118,	/* 14:0 stride in words */
	SRC_ACT_INFO	= 0x11c,	/* 12:0 width, 28:16 height, less 1 */
	SRC_X_FACTOR	= 0x120,	/* 15:0 down, 31:16 up */
	SRC_Y_FACTOR	= 0x124,
	DST_INFO	= 0x138,
	DST_BASE	= 0x13c,
	DST_VIR_INFO	= 0x148,
	DST_ACT_INFO	= 0x14c,	/* 11:0 width, 27:16 height, less 1 */
	MMU_CTRL1	= 0x16c,	/* 0 source, 8 destination */
	MMU_SRC_BASE	= 0x170,	/* in 16 bytes */
	MMU_DST_BASE	= 0x178,
	REGS_END	= 0x180,
};

#define SYS_MASTER	BIT(1)
#define SYS_RESET	(BIT(3) | BIT(4))
#define SYS_BUSY	BIT(0)

#define INT_ERROR	BIT(0)
#define INT_MMU		BIT(1)
#define INT_ALL_DONE	BIT(2)
#define INT_STATUS	GENMASK(3, 0)
#define INT_CLEAR	GENMASK(7, 4)
#define INT_ENABLE	GENMASK(10, 8)

#define MODE_RENDER	GENMASK(3, 0)

/* SRC_INFO and DST_INFO */
#define INFO_FORMAT	GENMASK(3, 0)
#define INFO_RB_SWAP	BIT(4)
#define INFO_ALPHA_SWAP	BIT(5)
#define INFO_UV_SWAP	BIT(6)
#define SRC_CSC		GENMASK(9, 8)
#define SRC_ROTATE	GENMASK(11, 10)
#define SRC_MIRROR_X	BIT(12)
#define SRC_MIRROR_Y	BIT(13)
#define SRC_HSCALE	GENMASK(15, 14)
#define SRC_VSCALE	GENMASK(17, 16)
#define DST_CSC		GENMASK(17, 16)

static const struct {
	bool valid;
	enum rga_pixels pixels;
	bool padded;
	u8 planes, hdiv, vdiv;
} rga2_formats[16] = {
	[0] = { true, RGA_8888 },
	[1] = { true, RGA_8888, .padded = true },
	[2] = { true, RGA_888 },
	[4] = { true, RGA_565 },
	[5] = { true, RGA_1555 },
	[6] = { true, RGA_4444 },
	[8] = { true, RGA_YUV, false, 2, 2, 1 },
	[9] = { true, RGA_YUV, false, 3, 2, 1 },
	[10] = { true, RGA_YUV, false, 2, 2, 2 },
	[11] = { true, RGA_YUV, false, 3, 2, 2 },
};

static const u8 rga2_bytes[] = {
	[RGA_8888] = 4, [RGA_888] = 3, [RGA_565] = 2, [RGA_1555] = 2, [RGA_4444] = 2, [RGA_YUV] = 1,
};

static bool rga2_picture(struct model *m, struct rga_picture *p, u32 info, u32 base, u32 stride)
{
	unsigned int format = FIELD_GET(INFO_FORMAT, info), i;

	if (!rga2_formats[format].valid)
		return false;
	p->m = m;
	p->pixels = rga2_formats[format].pixels;
	p->padded = rga2_formats[format].padded;
	p->planes = rga2_formats[format].planes;
	p->hdiv = rga2_formats[format].hdiv ?: 1;
	p->vdiv = rga2_formats[format].vdiv ?: 1;
	p->blue_first = info & INFO_RB_SWAP;
	p->alpha_first = info & INFO_ALPHA_SWAP;
	p->v_first = info & INFO_UV_SWAP;
	for (i = 0; i < 3; i++) {
		p->plane[i].addr = model_reg(m, base + 4 * i);
		p->plane[i].stride = i && p->planes == 3 ? stride / 2 : stride;
	}
	return true;
}

/* From the address of a corner to that of the first pixel */
static void rga2_corner(struct rga_picture *p, bool right, bool bottom)
{
	u32 chroma = p->planes == 3 ? p->width / 2 : p->width;
	unsigned int i;

	if (right)
		p->plane[0].addr -= (p->width - 1) * rga2_bytes[p->pixels];
	if (bottom)
		p->plane[0].addr -= (p->height - 1) * p->plane[0].stride;
	for (i = 1; i < 3; i++) {
		if (right)
			p->plane[i].addr -= chroma - 1;
		if (bottom)
			p->plane[i].addr -= (p->height / p->vdiv - 1) * p->plane[i].stride;
	}
}

static bool rga2_scaler(struct rga_scaler *s, u32 mode, u32 factor)
{
	s->mode = mode == 1 ? RGA_DOWN : mode == 2 ? RGA_UP : RGA_SAME;
	s->factor = mode == 2 ? factor >> 16 : factor & 0xffff;
	return mode < 3;
}

static bool rga2_run(struct model *m)
{
	static const enum rga_encoding encodings[] = {
		[1] = RGA_BT601, [2] = RGA_BT601_FULL, [3] = RGA_BT709,
	};
	u32 src = model_reg(m, SRC_INFO), dst = model_reg(m, DST_INFO);
	u32 src_act = model_reg(m, SRC_ACT_INFO), dst_act = model_reg(m, DST_ACT_INFO);
	u32 mmu = model_reg(m, MMU_CTRL1), to_rgb, to_yuv;
	struct rga_job job = {
		.rotate = FIELD_GET(SRC_ROTATE, src),
		.mirror_x = src & SRC_MIRROR_X,
		.mirror_y = src & SRC_MIRROR_Y,
		.alpha = -1,
	};
	enum rga_result ret;

	m->fail = INT_ERROR;
	if ((model_reg(m, MODE_CTRL) & MODE_RENDER) ||
	    !rga2_picture(m, &job.src, src, SRC_BASE,
			  (model_reg(m, SRC_VIR_INFO) & GENMASK(14, 0)) * 4) ||
	    !rga2_picture(m, &job.dst, dst, DST_BASE,
			  (model_reg(m, DST_VIR_INFO) & GENMASK(14, 0)) * 4) ||
	    !rga2_scaler(&job.x, FIELD_GET(SRC_HSCALE, src), model_reg(m, SRC_X_FACTOR)) ||
	    !rga2_scaler(&job.y, FIELD_GET(SRC_VSCALE, src), model_reg(m, SRC_Y_FACTOR)))
		return false;

	job.src.mmu = mmu & BIT(0);
	job.src.table = model_reg(m, MMU_SRC_BASE) << 4;
	job.src.width = FIELD_GET(GENMASK(12, 0), src_act) + 1;
	job.src.height = FIELD_GET(GENMASK(28, 16), src_act) + 1;
	job.dst.mmu = mmu & BIT(8);
	job.dst.table = model_reg(m, MMU_DST_BASE) << 4;
	job.dst.width = FIELD_GET(GENMASK(11, 0), dst_act) + 1;
	job.dst.height = FIELD_GET(GENMASK(27, 16), dst_act) + 1;
	rga2_corner(&job.dst, (job.rotate == 1 || job.rotate == 2) != job.mirror_x,
		    (job.rotate == 2 || job.rotate == 3) != job.mirror_y);

	to_rgb = FIELD_GET(SRC_CSC, src);
	to_yuv = FIELD_GET(DST_CSC, dst);
	if (to_rgb)
		job.csc = rga_csc(encodings[to_rgb], true);
	else if (to_yuv)
		job.csc = rga_csc(encodings[to_yuv], false);

	ret = rga_run(&job);
	if ((ret == RGA_BAD_READ && job.src.mmu) || (ret == RGA_BAD_WRITE && job.dst.mmu))
		m->fail = INT_MMU;
	return ret == RGA_OK;
}

static bool rga2_write(struct model *m, u32 offset, u32 val)
{
	u32 *reg = &m->regs[offset / 4];

	switch (offset) {
	case SYS_CTRL:
		*reg = val & ~(SYS_RESET | SYS_BUSY);
		if ((val & SYS_RESET) == SYS_RESET && !model_stop(m))
			*reg |= SYS_BUSY;
		return true;
	case CMD_CTRL:
		return !(m->regs[SYS_CTRL / 4] & SYS_MASTER);
	case INT:
		*reg = (*reg & INT_STATUS & ~FIELD_GET(INT_CLEAR, val)) | (val & INT_ENABLE);
		return true;
	default:
		return false;
	}
}

static bool rga2_line(struct model *m)
{
	u32 val = m->regs[INT / 4];

	return val & FIELD_GET(INT_ENABLE, val);
}

static bool rga2_fetch(struct model *m)
{
	return rga_fetch(m, m->regs[CMD_BASE / 4], REGS_END - RGA_COMMANDS);
}

const struct model_type rga2_model = {
	.name = "rga2",
	.compatible = "rockchip,rk3288-rga",
	.size = REGS_END,
	.start_reg = CMD_CTRL,
	.start = BIT(0),
	.status_reg = INT,
	.results = {
		[MODEL_DONE] = INT_ALL_DONE,
		[MODEL_ERROR] = INT_ERROR,
		[MODEL_BUS] = INT_MMU,
	},
	.version_reg = VERSION,
	.version = 0x03263318,
	.busy_reg = STATUS,
	.busy = BIT(0),
	.write = rga2_write,
	.line = rga2_line,
	.fetch = rga2_fetch,
	.run = rga2_run,
};
