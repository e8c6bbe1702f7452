// SPDX-License-Identifier: GPL-2.0
/*
 * The decoder of the second generation (VDPU2) as in RK3566 and RK3568: H.264, MPEG-2, VP8.
 *
 * A soft reset clears all registers: the driver leaves the interrupt disabled before it, and
 * never enables it again.
 */

#include "decoder.h"

enum {
	STREAM_LEN	= 0x0cc,	/* 23:0 */
	FORMAT		= 0x0d4,	/* 3:0 mode */
	/* 0 irq, 1 disabled, 4 ready, 5 bus, 12 error, 13 timeout */
	INTERRUPT	= 0x0dc,
	ENABLE		= 0x0e4,	/* 0 start, and the flags below */
	ENABLE_FIELD	= BIT(16),
	ENABLE_B	= BIT(15),
	ENABLE_INTER	= BIT(14),
	ENABLE_TOP	= BIT(13),
	ENABLE_MVS	= BIT(10),
	SOFT_RESET	= 0x0e8,
	TABLE		= 0x0f4,
	MVS		= 0x0f8,
	DST		= 0x0fc,
	STREAM		= 0x100,

	H264_REF	= 0x150,	/* 16 of them */
	H264_SIZE	= 0x1b8,	/* in blocks: 8:0 width, 16:9 height */
	H264_FLAGS	= 0x1cc,
	H264_GREY	= BIT(6),

	/* MPEG-2, VP8 */
	SIZE		= 0x1e0,	/* in blocks: 31:23 and 5:3 width, 18:11 and 2:0 height */
	REF0		= 0x20c,
	REF1		= 0x250,
	REF2		= 0x218,	/* up to REF5 at 0x224 */

	VP8_START_BIT	= 0x1e8,	/* 31:26 of the first DCT partition */
	VP8_PARTS	= 0x1f0,	/* 27:24 DCT partitions - 1, 21:0 control length */
	VP8_CTRL	= 0x244,
	VP8_SEGMENTS	= 0x254,	/* 0 in use, 1 replaced */
};

static bool vdpu2_run(struct model *m)
{
	u32 enable = model_reg(m, ENABLE), size = model_reg(m, SIZE);
	u32 start_bits = model_reg(m, VP8_START_BIT), parts = model_reg(m, VP8_PARTS);
	struct decoder_job j = {
		.mode = model_reg(m, FORMAT) & 0xf,
		.field = enable & ENABLE_FIELD,
		.bottom = !(enable & ENABLE_TOP),
		.inter = enable & ENABLE_INTER,
		.bipred = enable & ENABLE_B,
		.stream = model_reg(m, STREAM),
		.stream_len = model_reg(m, STREAM_LEN) & GENMASK(23, 0),
		.start_bit = FIELD_GET(GENMASK(31, 26), start_bits),
		.parts = FIELD_GET(GENMASK(27, 24), parts) + 1,
		.ctrl = model_reg(m, VP8_CTRL),
		.ctrl_len = FIELD_GET(GENMASK(21, 0), parts),
		.table = model_reg(m, TABLE),
		.segments = model_reg(m, VP8_SEGMENTS),
		.dst = model_reg(m, DST),
		.mvs = enable & ENABLE_MVS ? model_reg(m, MVS) : 0,
	};
	int i;

	if (j.mode == DECODER_H264) {
		size = model_reg(m, H264_SIZE);
		j.width = FIELD_GET(GENMASK(8, 0), size) * 16;
		j.height = FIELD_GET(GENMASK(16, 9), size) * 16;
		j.grey = model_reg(m, H264_FLAGS) & H264_GREY;
		j.inter = false;
		j.bipred = false;
		for (i = 0; i < 16; i++)
			j.refs[j.nrefs++] = model_reg(m, H264_REF + 4 * i);
		return decoder_run(m, &j);
	}

	j.width = FIELD_GET(GENMASK(31, 23), size) * 16;
	j.height = FIELD_GET(GENMASK(18, 11), size) * 16;
	if (j.mode == DECODER_VP8) {
		j.width += FIELD_GET(GENMASK(5, 3), size) << 13;
		j.height += FIELD_GET(GENMASK(2, 0), size) << 12;
	}
	if (j.inter) {
		j.refs[0] = model_reg(m, REF0);
		/* VP8: golden and alternate are the fourth and the fifth of six. */
		j.refs[1] = model_reg(m, j.mode == DECODER_VP8 ? REF2 + 8 : REF1);
		j.refs[2] = model_reg(m, j.mode == DECODER_VP8 ? REF2 + 12 : REF2);
		j.refs[3] = model_reg(m, REF2 + 4);
		j.nrefs = j.mode == DECODER_VP8 ? 3 : j.bipred ? 4 : 2;
	}
	return decoder_run(m, &j);
}

const struct model_type vdpu2_model = {
	.name = "vdpu",
	.compatible = "rockchip,rk3568-vpu",
	.offset = 0x400,
	.size = 0x400,
	.start_reg = ENABLE,
	.start = BIT(0),
	.status_reg = INTERRUPT,
	.irq = BIT(0),
	.irq_dis = BIT(1),
	.results = {
		[MODEL_DONE] = BIT(4),
		[MODEL_ERROR] = BIT(12),
		[MODEL_BUS] = BIT(5),
		[MODEL_TIMEOUT] = BIT(13),
	},
	.soft_reset = SOFT_RESET,
	.run = vdpu2_run,
};
