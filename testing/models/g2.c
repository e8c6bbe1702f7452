// SPDX-License-Identifier: GPL-2.0
/*
 * The decoder G2 as in i.MX 8MQ: HEVC and VP9, of 8 or 10 bits.
 *
 * The picture is written in tiles of 4x4, to be a reference frame, and if the raster output is
 * enabled also as NV12 or P010: then that is the picture that the driver asked for. An abort
 * stops the job at once, and raises the interrupt if that is not disabled.
 */

#include <linux/io.h>

#include "models.h"

enum {
	/* 0 start, 4 disabled, 5 abort, 8 irq, 11 aborted, 12 ready, 13 bus, 16 error, */
	/* 18 timeout */
	INTERRUPT	= 0x004,
	MODE		= 0x00c,	/* 31:27 mode, and the flags below */
	MODE_BYPASS	= BIT(17),	/* reference frames are not compressed */
	MODE_RASTER	= BIT(16),
	MODE_MVS	= BIT(12),
	SIZE		= 0x010,	/* in blocks: 31:19 width, 18:6 height; 4:0 references */
	CTRL5		= 0x014,	/* 31:25 start bit */
	CTRL5_MVS	= BIT(11),	/* motion vectors of another picture are used */
	STREAM_LEN	= 0x018,
	DEPTH		= 0x020,	/* 16 no references (VP9); 7:6 bits - 8; 3 raster of 8 */
	TILES		= 0x028,	/* 23:19 columns, 18:14 rows, 1 enabled */
	LISTS		= 0x030,	/* 15:13 log2 of the block size */
	SEGMENTS	= 0x034,	/* VP9: 1 map replaced, 0 enabled */
	POC		= 0x0b8,	/* HEVC: differences, 4 registers */
	VP9_REF_SIZE	= 0x084,	/* 31:16 width, 15:0 height, 3 registers */

	/* Addresses are in every other register. */
	LUMA		= 0x104,
	REF_LUMA	= 0x10c,	/* 16 of them */
	SEGMENTS_WRITE	= 0x13c,	/* VP9, which has fewer reference frames */
	SEGMENTS_READ	= 0x144,
	CHROMA		= 0x18c,
	REF_CHROMA	= 0x194,
	MVS		= 0x214,
	REF_MVS		= 0x21c,
	TILE_SIZES	= 0x29c,
	STREAM		= 0x2a4,
	VP9_COUNTS	= 0x2ac,
	VP9_PROBS	= 0x2b4,
	RASTER_LUMA	= 0x2bc,
	RASTER_CHROMA	= 0x2c4,
	TILE_FILTER	= 0x2cc,
	TILE_SAO	= 0x2d4,
	TILE_BSD	= 0x2dc,
	SCALE		= 0x2e0,	/* 7 enabled, 3:2 and 1:0 log2 of the factors - 1 */
	SCALED_LUMA	= 0x2e8,
	SCALED_CHROMA	= 0x2f0,
	TABLE_LUMA	= 0x2f8,	/* of a compressed picture */
	TABLE_CHROMA	= 0x380,

	STREAM_OFFSET	= 0x40c,

	MODE_HEVC	= 0xc,
	MODE_VP9	= 0xd,

	VP9_PROBS_SIZE	= 3744,
	VP9_NR_COUNTS	= 3316,
	SCRATCH		= 64,
};

/* How often each symbol was seen. The driver divides by sums of these. */
static bool g2_counts(struct model *m, u32 addr)
{
	u32 *counts, i;

	if (!model_write(m, addr, VP9_NR_COUNTS * 4, 1, 0))
		return false;
	counts = phys_to_virt(addr);
	for (i = 0; i < VP9_NR_COUNTS; i++)
		counts[i] &= 0xff;
	return true;
}

static bool g2_ref(struct model *m, unsigned int i, u32 luma, u32 luma_size)
{
	model_mix(m, i);
	return model_sample(m, luma, luma_size) &&
	       model_sample(m, model_reg(m, REF_CHROMA + 8 * i), luma_size / 2);
}

static bool g2_hevc_inputs(struct model *m, u32 luma_size)
{
	u32 tiles = model_reg(m, TILES);
	unsigned int i;

	model_mix(m, model_reg(m, SIZE) & GENMASK(4, 0));
	for (i = 0; i < 4; i++)
		model_mix(m, model_reg(m, POC + 4 * i));
	for (i = 0; i < 16; i++) {
		u32 luma = model_reg(m, REF_LUMA + 8 * i);

		/* Behind the last one the driver puts the picture itself. */
		if (luma && luma != model_reg(m, LUMA) && !g2_ref(m, i, luma, luma_size))
			return false;
	}
	/* Width and height of each tile, of 16 bits. */
	return model_read(m, model_reg(m, TILE_SIZES), FIELD_GET(GENMASK(23, 19), tiles) *
			  FIELD_GET(GENMASK(18, 14), tiles) * 4);
}

static bool g2_vp9_inputs(struct model *m)
{
	/* Last, golden, alternate */
	static const u8 slots[] = { 0, 4, 5 };
	u32 depth = model_reg(m, DEPTH), bits = 8 + FIELD_GET(GENMASK(7, 6), depth);
	unsigned int i;

	if (!model_read(m, model_reg(m, VP9_PROBS), VP9_PROBS_SIZE))
		return false;
	for (i = 0; i < ARRAY_SIZE(slots) && !(depth & BIT(16)); i++) {
		u32 luma = model_reg(m, REF_LUMA + 8 * slots[i]);
		u32 size = model_reg(m, VP9_REF_SIZE + 4 * i);

		/* The driver puts the picture itself where there is none. */
		if (luma != model_reg(m, LUMA) &&
		    !g2_ref(m, slots[i], luma, ALIGN(size >> 16, 8) * bits / 8 *
			    ALIGN(size & 0xffff, 8)))
			return false;
	}
	return true;
}

/* Luma is as large as the distance to chroma says: the stride is not in a register. */
static bool g2_output(struct model *m, u32 luma, u32 chroma, u32 least)
{
	u32 size = chroma - luma;

	return size >= least && model_write_picture(m, luma, size, 1, 0) &&
	       model_write_picture(m, chroma, size / 2, 1, 0);
}

static bool g2_run(struct model *m)
{
	u32 mode = model_reg(m, MODE), size = model_reg(m, SIZE), depth = model_reg(m, DEPTH);
	u32 shift = FIELD_GET(GENMASK(15, 13), model_reg(m, LISTS));
	u32 width = FIELD_GET(GENMASK(31, 19), size) << shift;
	u32 height = FIELD_GET(GENMASK(18, 6), size) << shift;
	u32 bits = 8 + FIELD_GET(GENMASK(7, 6), depth);
	u32 skip = FIELD_GET(GENMASK(31, 25), model_reg(m, CTRL5)) / 8;
	u32 luma = model_reg(m, LUMA), chroma = model_reg(m, CHROMA);
	u32 segments = model_reg(m, SEGMENTS), scale = model_reg(m, SCALE);
	bool vp9 = FIELD_GET(GENMASK(31, 27), mode) == MODE_VP9;
	u32 map_size = DIV_ROUND_UP(width, 64) * DIV_ROUND_UP(height, 64) * 32, mvs_size;

	model_mix(m, FIELD_GET(GENMASK(31, 27), mode));
	model_mix(m, width << 16 | height);
	model_mix(m, bits);
	if (!model_read(m, model_reg(m, STREAM) + model_reg(m, STREAM_OFFSET) + skip,
			model_reg(m, STREAM_LEN) - skip))
		return false;

	if (vp9) {
		mvs_size = DIV_ROUND_UP(width, 64) * DIV_ROUND_UP(height, 64) * 1024;
		if (!g2_vp9_inputs(m))
			return false;
		if ((model_reg(m, CTRL5) & CTRL5_MVS) &&
		    !model_sample(m, model_reg(m, REF_MVS), mvs_size))
			return false;
		if ((segments & 3) == 1 && !model_read(m, model_reg(m, SEGMENTS_READ), map_size))
			return false;
	} else {
		mvs_size = DIV_ROUND_UP(width, 16) * DIV_ROUND_UP(height, 16) * 16;
		if (!g2_hevc_inputs(m, chroma - luma))
			return false;
	}

	if (!g2_output(m, luma, chroma, width * height * bits / 8))
		return false;
	if ((mode & MODE_MVS) && !model_write(m, model_reg(m, MVS), mvs_size, 1, 0))
		return false;
	if (vp9) {
		if (!g2_counts(m, model_reg(m, VP9_COUNTS)))
			return false;
		if ((segments & 3) == 3 &&
		    !model_write(m, model_reg(m, SEGMENTS_WRITE), map_size, 1, 0))
			return false;
	} else if (!(mode & MODE_BYPASS)) {
		if (!model_write(m, model_reg(m, TABLE_LUMA), SCRATCH, 1, 0) ||
		    !model_write(m, model_reg(m, TABLE_CHROMA), SCRATCH, 1, 0))
			return false;
	}
	/* What is kept along the edges of tiles is nobody else's business. */
	if ((model_reg(m, TILES) & BIT(1)) &&
	    (!model_write(m, model_reg(m, TILE_FILTER), SCRATCH, 1, 0) ||
	     !model_write(m, model_reg(m, TILE_BSD), SCRATCH, 1, 0) ||
	     (!vp9 && !model_write(m, model_reg(m, TILE_SAO), SCRATCH, 1, 0))))
		return false;

	if (!(mode & MODE_RASTER))
		return true;
	m->last_parts = 0;
	if (scale & BIT(7)) {
		width >>= 1 + FIELD_GET(GENMASK(1, 0), scale);
		height >>= 1 + FIELD_GET(GENMASK(3, 2), scale);
		return model_write_picture(m, model_reg(m, SCALED_LUMA), width, height, width) &&
		       model_write_picture(m, model_reg(m, SCALED_CHROMA), width, height / 2,
					   width);
	}
	return g2_output(m, model_reg(m, RASTER_LUMA), model_reg(m, RASTER_CHROMA),
			 width * height * (depth & BIT(3) ? 1 : 2));
}

const struct model_type g2_model = {
	.name = "g2",
	.compatible = "nxp,imx8mq-vpu-g2",
	.size = 0x800,
	.start_reg = INTERRUPT,
	.start = BIT(0),
	.status_reg = INTERRUPT,
	.irq = BIT(8),
	.irq_dis = BIT(4),
	.results = {
		[MODEL_DONE] = BIT(12),
		[MODEL_ERROR] = BIT(16),
		[MODEL_BUS] = BIT(13),
		[MODEL_TIMEOUT] = BIT(18),
	},
	.abort = BIT(5),
	.aborted = BIT(11),
	.run = g2_run,
};
