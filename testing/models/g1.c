// SPDX-License-Identifier: GPL-2.0
/*
 * The decoder of the first generation, G1, as in RK3288 and i.MX 8MQ: H.264, MPEG-2, VP8, and
 * its post-processor, which writes what has just been decoded once more, as YUYV.
 *
 * Clearing the start bit does not stop it, a soft reset does, and clears all registers.
 */

#include "decoder.h"

enum {
	/* 0 start, 4 disabled, 8 irq, 12 ready, 13 bus, 16 error, 18 timeout */
	INTERRUPT	= 0x004,
	CTRL0		= 0x00c,	/* 31:28 mode, and the flags below */
	CTRL0_FIELD	= BIT(22),
	CTRL0_B		= BIT(21),
	CTRL0_INTER	= BIT(20),
	CTRL0_TOP	= BIT(19),
	CTRL0_MVS	= BIT(12),
	SIZE		= 0x010,	/* in blocks: 31:23 and 5:3 width, 18:11 and 2:0 height */
	CTRL2		= 0x014,	/* VP8: 31:26 start bit of the first DCT partition */
	CTRL3		= 0x018,	/* 23:0 length of the stream */
	CTRL4		= 0x01c,
	CTRL4_GREY	= BIT(30),	/* H.264 */
	CTRL6		= 0x024,	/* VP8: 27:24 DCT partitions - 1, 21:0 control length */
	SEGMENTS	= 0x028,	/* VP8: 0 in use, 1 replaced */
	STREAM		= 0x030,
	DST		= 0x034,
	REF		= 0x038,	/* 16 of them */
	TABLE		= 0x0a0,
	MVS		= 0x0a4,
	PP_ENABLE	= 0x0f0,	/* 1 of what is decoded */
	PP_DST		= 0x108,
	PP_CTRL		= 0x154,	/* 28:26 format, 25:15 height, 14:4 width */
	PP_YUYV		= 3,
	SOFT_RESET	= 0x194,
};

static bool g1_run(struct model *m)
{
	u32 ctrl0 = model_reg(m, CTRL0), size = model_reg(m, SIZE);
	u32 ctrl2 = model_reg(m, CTRL2), ctrl6 = model_reg(m, CTRL6), pp = model_reg(m, PP_CTRL);
	struct decoder_job j = {
		.mode = FIELD_GET(GENMASK(31, 28), ctrl0),
		.width = FIELD_GET(GENMASK(31, 23), size) * 16,
		.height = FIELD_GET(GENMASK(18, 11), size) * 16,
		.field = ctrl0 & CTRL0_FIELD,
		.bottom = !(ctrl0 & CTRL0_TOP),
		.inter = ctrl0 & CTRL0_INTER,
		.bipred = ctrl0 & CTRL0_B,
		.stream = model_reg(m, STREAM),
		.stream_len = model_reg(m, CTRL3) & GENMASK(23, 0),
		.start_bit = FIELD_GET(GENMASK(31, 26), ctrl2),
		.parts = FIELD_GET(GENMASK(27, 24), ctrl6) + 1,
		.ctrl = model_reg(m, REF + 4 * 13),
		/* One byte more than is there. */
		.ctrl_len = FIELD_GET(GENMASK(21, 0), ctrl6) - 1,
		.table = model_reg(m, TABLE),
		.segments = model_reg(m, SEGMENTS),
		.dst = model_reg(m, DST),
		.mvs = ctrl0 & CTRL0_MVS ? model_reg(m, MVS) : 0,
	};
	u32 width = FIELD_GET(GENMASK(14, 4), pp), height = FIELD_GET(GENMASK(25, 15), pp);
	int i;

	switch (j.mode) {
	case DECODER_H264:
		j.grey = model_reg(m, CTRL4) & CTRL4_GREY;
		j.inter = false;
		j.bipred = false;
		for (i = 0; i < 16; i++)
			j.refs[j.nrefs++] = model_reg(m, REF + 4 * i);
		break;
	case DECODER_VP8:
		j.width += FIELD_GET(GENMASK(5, 3), size) << 13;
		j.height += FIELD_GET(GENMASK(2, 0), size) << 12;
		j.nrefs = j.inter ? 3 : 0;
		j.refs[0] = model_reg(m, REF);
		/* Golden and alternate */
		j.refs[1] = model_reg(m, REF + 4 * 4);
		j.refs[2] = model_reg(m, REF + 4 * 5);
		break;
	default:
		j.nrefs = j.bipred ? 4 : j.inter ? 2 : 0;
		for (i = 0; i < 4; i++)
			j.refs[i] = model_reg(m, REF + 4 * i);
	}
	if (!decoder_run(m, &j))
		return false;
	if (!(model_reg(m, PP_ENABLE) & BIT(1)))
		return true;
	/* Then this is the picture, and the other a reference frame only. */
	m->last_parts = 0;
	return FIELD_GET(GENMASK(28, 26), pp) == PP_YUYV &&
	       model_write_picture(m, model_reg(m, PP_DST), width * 2, height, width * 2);
}

#define G1_MODEL				\
	.size = 0x400,				\
	.start_reg = INTERRUPT,			\
	.start = BIT(0),			\
	.status_reg = INTERRUPT,		\
	.irq = BIT(8),				\
	.irq_dis = BIT(4),			\
	.results = {				\
		[MODEL_DONE] = BIT(12),		\
		[MODEL_ERROR] = BIT(16),	\
		[MODEL_BUS] = BIT(13),		\
		[MODEL_TIMEOUT] = BIT(18),	\
	},					\
	.soft_reset = SOFT_RESET,		\
	.run = g1_run

const struct model_type g1_model = {
	.name = "g1",
	.compatible = "rockchip,rk3288-vpu",
	.offset = 0x400,
	.irq_index = 1,
	G1_MODEL
};

const struct model_type imx_g1_model = {
	.name = "g1i",
	.compatible = "nxp,imx8mq-vpu-g1",
	G1_MODEL
};
