// SPDX-License-Identifier: GPL-2.0
/*
 * RGA3, as in RK3588, without its IOMMU: see rga.h for what it does to pictures.
 *
 * It fetches its commands when it is started, and only in master mode. Of its windows only the
 * first one is there, without rotation. The picture in that begins at the offset in it. The
 * destination's size is that of the window.
 *
 * A soft reset lasts until its bits are cleared. It stops the block, and leaves the registers
 * alone. A register says when it is complete.
 */

#include "rga.h"

enum {
	SYS_CTRL	= 0x000,	/* 1 master mode, 3 and 4 soft reset */
	CMD_CTRL	= 0x004,	/* 0 start */
	CMD_ADDR	= 0x008,
	VERSION		= 0x018,
	INT_EN		= 0x020,
	INT_RAW		= 0x024,
	INT_MSK		= 0x028,	/* INT_RAW & INT_EN */
	INT_CLR		= 0x02c,
	RO_SRST		= 0x030,	/* 5:0 all set: the reset is complete */
	CMD_STATE	= 0x040,	/* 0 at work */
	WIN0_RD_CTRL	= 0x100,
	WIN0_Y_BASE	= 0x110,
	WIN0_U_BASE	= 0x114,
	WIN0_STRIDE	= 0x11c,	/* in words, as all strides */
	WIN0_ACT_OFF	= 0x128,
	WIN0_ACT_SIZE	= 0x12c,
	WIN0_DST_SIZE	= 0x130,
	WIN0_SCL_FAC	= 0x134,	/* 15:0 horizontal, 31:16 vertical */
	WIN0_UV_STRIDE	= 0x138,
	TOP_CTRL	= 0x190,	/* 23:16 global alpha */
	TOP_ALPHA	= 0x198,	/* 4 alpha is the pixel's */
	WR_CTRL		= 0x1a0,
	WR_STRIDE	= 0x1a8,
	WR_UV_STRIDE	= 0x1ac,
	WR_Y_BASE	= 0x1b0,
	WR_U_BASE	= 0x1b4,
	REGS_END	= 0x1b8,
};

#define SYS_MASTER	BIT(1)
#define SYS_RESET	(BIT(3) | BIT(4))
#define SRST_DONE	GENMASK(5, 0)

#define INT_DONE	BIT(0)
#define INT_READ_BUS	BIT(2)
#define INT_WIN0_HOR	BIT(6)
#define INT_WIN0_VER	BIT(7)
#define INT_WRITE_BUS	BIT(15)

#define SIZE_X		GENMASK(12, 0)
#define SIZE_Y		GENMASK(28, 16)

/* WIN0_RD_CTRL, some of it in WR_CTRL likewise */
#define WIN_ENABLE	BIT(0)
#define WIN_FORMAT	GENMASK(7, 4)
#define WIN_LAYOUT	GENMASK(9, 8)
#define LAYOUT_PLANES	1
#define LAYOUT_PACKED	2
#define WIN_RBUV_SWAP	BIT(12)
#define WIN_YC_SWAP	BIT(13)
#define WR_YC_SWAP	BIT(20)
#define WIN_ROTATE	GENMASK(18, 16)
#define WIN_HOR_BYPASS	BIT(20)
#define WIN_HOR_UP	BIT(21)
#define WIN_VER_BYPASS	BIT(22)
#define WIN_VER_UP	BIT(23)
#define WIN_Y2R		BIT(24)
#define WIN_R2Y		BIT(25)
#define WIN_CSC		GENMASK(27, 26)

/* What is not swapped */
static const struct {
	enum rga_pixels pixels;
	bool blue_first;
	bool alpha_first;
	u8 vdiv;
} rga3_formats[] = {
	[0] = { RGA_YUV, .vdiv = 2 },
	[1] = { RGA_YUV, .vdiv = 1 },
	/* Two formats of 10 bits, which the driver does not have. */
	[4] = { RGA_565, .blue_first = false, .vdiv = 1 },
	[5] = { RGA_888, .blue_first = true, .vdiv = 1 },
	[6] = { RGA_8888, .blue_first = true, .vdiv = 1 },
	[7] = { RGA_8888, .blue_first = true, .alpha_first = true, .vdiv = 1 },
};

static bool rga3_picture(struct model *m, struct rga_picture *p, u32 ctrl, u32 base, u32 stride,
			 u32 uv_stride)
{
	unsigned int format = FIELD_GET(WIN_FORMAT, ctrl), layout = FIELD_GET(WIN_LAYOUT, ctrl);
	bool swap = ctrl & WIN_RBUV_SWAP;

	if (format >= ARRAY_SIZE(rga3_formats) || !rga3_formats[format].vdiv)
		return false;
	p->m = m;
	p->pixels = rga3_formats[format].pixels;
	p->hdiv = 1;
	p->vdiv = rga3_formats[format].vdiv;
	p->blue_first = rga3_formats[format].blue_first != swap;
	p->alpha_first = rga3_formats[format].alpha_first;
	if (p->pixels == RGA_YUV) {
		p->hdiv = 2;
		p->v_first = swap;
		p->planes = layout == LAYOUT_PACKED ? 1 : 2;
		if (p->planes == 1 && p->vdiv == 2)
			return false;
	} else if (layout != LAYOUT_PACKED) {
		return false;
	}
	p->plane[0].addr = model_reg(m, base);
	p->plane[0].stride = model_reg(m, stride) * 4;
	p->plane[1].addr = model_reg(m, base + 4);
	p->plane[1].stride = model_reg(m, uv_stride) * 4;
	return layout == LAYOUT_PACKED || layout == LAYOUT_PLANES;
}

/* The picture begins at x, y now. */
static void rga3_move(struct rga_picture *p, u32 x, u32 y)
{
	static const u8 bytes[] = {
		[RGA_8888] = 4, [RGA_888] = 3, [RGA_565] = 2, [RGA_YUV] = 1,
	};

	p->plane[0].addr += y * p->plane[0].stride +
			    x * (p->planes == 1 ? 2 : bytes[p->pixels]);
	p->plane[1].addr += y / p->vdiv * p->plane[1].stride + x;
}

static bool rga3_run(struct model *m)
{
	static const enum rga_encoding encodings[] = {
		RGA_BT601, RGA_BT709, RGA_BT601_FULL, RGA_BT2020,
	};
	static const u32 errors[] = {
		[RGA_BAD_READ] = INT_READ_BUS,
		[RGA_BAD_WRITE] = INT_WRITE_BUS,
		[RGA_BAD_X] = INT_WIN0_HOR,
		[RGA_BAD_Y] = INT_WIN0_VER,
		[RGA_BAD_SIZE] = INT_WIN0_HOR,
	};
	u32 rd = model_reg(m, WIN0_RD_CTRL), wr = model_reg(m, WR_CTRL);
	u32 act = model_reg(m, WIN0_ACT_SIZE), off = model_reg(m, WIN0_ACT_OFF);
	u32 dst = model_reg(m, WIN0_DST_SIZE), factors = model_reg(m, WIN0_SCL_FAC);
	struct rga_job job = {};
	enum rga_result ret;

	m->fail = INT_WIN0_HOR;
	if (!(rd & WIN_ENABLE) || (rd & WIN_ROTATE) ||
	    !rga3_picture(m, &job.src, rd, WIN0_Y_BASE, WIN0_STRIDE, WIN0_UV_STRIDE) ||
	    !rga3_picture(m, &job.dst, wr, WR_Y_BASE, WR_STRIDE, WR_UV_STRIDE) ||
	    /* These can only be read. */
	    job.dst.alpha_first)
		return false;
	job.src.luma_first = rd & WIN_YC_SWAP;
	job.dst.luma_first = wr & WR_YC_SWAP;
	job.src.width = FIELD_GET(SIZE_X, act);
	job.src.height = FIELD_GET(SIZE_Y, act);
	rga3_move(&job.src, FIELD_GET(SIZE_X, off), FIELD_GET(SIZE_Y, off));
	job.dst.width = FIELD_GET(SIZE_X, dst);
	job.dst.height = FIELD_GET(SIZE_Y, dst);

	job.x.mode = rd & WIN_HOR_BYPASS ? RGA_SAME : rd & WIN_HOR_UP ? RGA_UP : RGA_DOWN;
	job.y.mode = rd & WIN_VER_BYPASS ? RGA_SAME : rd & WIN_VER_UP ? RGA_UP : RGA_DOWN;
	job.x.factor = factors & 0xffff;
	job.y.factor = factors >> 16;
	job.alpha = model_reg(m, TOP_ALPHA) & BIT(4) ? -1 :
		    FIELD_GET(GENMASK(23, 16), model_reg(m, TOP_CTRL));
	if (rd & (WIN_Y2R | WIN_R2Y))
		job.csc = rga_csc(encodings[FIELD_GET(WIN_CSC, rd)], rd & WIN_Y2R);

	ret = rga_run(&job);
	if (ret)
		m->fail = errors[ret];
	return ret == RGA_OK;
}

static bool rga3_write(struct model *m, u32 offset, u32 val)
{
	u32 *reg = &m->regs[offset / 4];

	switch (offset) {
	case SYS_CTRL:
		*reg = val;
		m->regs[RO_SRST / 4] = (val & SYS_RESET) == SYS_RESET && model_stop(m) ?
				       SRST_DONE : 0;
		return true;
	case CMD_CTRL:
		return (m->regs[SYS_CTRL / 4] & (SYS_MASTER | SYS_RESET)) != SYS_MASTER;
	case INT_CLR:
		m->regs[INT_RAW / 4] &= ~val;
		return true;
	case INT_RAW:
	case INT_MSK:
	case RO_SRST:
		return true;
	default:
		return false;
	}
}

static bool rga3_line(struct model *m)
{
	m->regs[INT_MSK / 4] = m->regs[INT_RAW / 4] & m->regs[INT_EN / 4];
	return m->regs[INT_MSK / 4];
}

static bool rga3_fetch(struct model *m)
{
	return rga_fetch(m, m->regs[CMD_ADDR / 4], REGS_END - RGA_COMMANDS);
}

const struct model_type rga3_model = {
	.name = "rga3",
	.compatible = "rockchip,rk3588-rga3",
	.size = REGS_END,
	.start_reg = CMD_CTRL,
	.start = BIT(0),
	.status_reg = INT_RAW,
	.results = {
		[MODEL_DONE] = INT_DONE,
		[MODEL_ERROR] = INT_WIN0_HOR,
		[MODEL_BUS] = INT_READ_BUS,
	},
	.version_reg = VERSION,
	.version = 0x30076831,
	.busy_reg = CMD_STATE,
	.busy = BIT(0),
	.write = rga3_write,
	.line = rga3_line,
	.fetch = rga3_fetch,
	.run = rga3_run,
};
