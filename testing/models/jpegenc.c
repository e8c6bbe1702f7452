// SPDX-License-Identifier: GPL-2.0
/*
 * The JPEG encoders of the first generation (H1, as in RK3288) and of the second (VEPU2, as in
 * RK3568).
 *
 * Neither has a soft reset that the driver knows: clearing the start bit stops them, and changes
 * nothing else, so an interrupt that has been disabled stays so. "Error" is that the output
 * buffer is full.
 */

#include "models.h"

/* Where things are. The driver writes the size of the buffer to LIMIT and reads the bits used. */
struct jpegenc_regs {
	u32 tables, out, limit, planes;
	u32 mb_width, mb_height, format;
};

/* By format: planar, semi-planar, two packed ones. Bytes of a line and lines for 16 of luma. */
static const struct { u8 bytes[3], lines[3]; } jpegenc_formats[] = {
	{ { 16, 8, 8 }, { 16, 8, 8 } },
	{ { 16, 16 }, { 16, 8 } },
	{ { 32 }, { 16 } },
	{ { 32 }, { 16 } },
};

static bool jpegenc_run(struct model *m, const struct jpegenc_regs *r)
{
	u32 limit = model_reg(m, r->limit), len, i;

	if (r->format >= ARRAY_SIZE(jpegenc_formats))
		return false;
	for (i = 0; i < 32; i++)
		model_mix(m, model_reg(m, r->tables + 4 * i));
	for (i = 0; i < 3; i++) {
		u32 bytes = r->mb_width * jpegenc_formats[r->format].bytes[i] *
			    r->mb_height * jpegenc_formats[r->format].lines[i];

		if (bytes && !model_read(m, model_reg(m, r->planes + 4 * i), bytes))
			return false;
	}

	/* Four bits of stream or so for each pixel, as far as there is room. */
	len = min(limit, r->mb_width * r->mb_height * 128 + (u32)m->seed % 128);
	if (!model_write_picture(m, model_reg(m, r->out), len, 1, 0))
		return false;
	m->regs[r->limit / 4] = len * 8;
	return true;
}

enum {
	VEPU2_TABLES	= 0x000,
	VEPU2_PLANES	= 0x0c0,
	VEPU2_LIMIT	= 0x0d4,
	VEPU2_FORMAT	= 0x128,	/* 7:4 */
	VEPU2_OUT	= 0x134,
	VEPU2_START	= 0x19c,	/* 0 start, in macroblocks: 16:8 width, 28:20 height */
	VEPU2_INTERRUPT	= 0x1b4,	/* 0 irq, 1 ready, 4 bus, 5 full, 6 timeout, 8 disabled */
};

static bool vepu2_run(struct model *m)
{
	u32 start = model_reg(m, VEPU2_START);
	const struct jpegenc_regs regs = {
		.tables = VEPU2_TABLES,
		.out = VEPU2_OUT,
		.limit = VEPU2_LIMIT,
		.planes = VEPU2_PLANES,
		.mb_width = FIELD_GET(GENMASK(16, 8), start),
		.mb_height = FIELD_GET(GENMASK(28, 20), start),
		.format = FIELD_GET(GENMASK(7, 4), model_reg(m, VEPU2_FORMAT)),
	};

	return jpegenc_run(m, &regs);
}

const struct model_type vepu2_model = {
	.name = "vepu",
	.compatible = "rockchip,rk3568-vepu",
	.size = 0x400,
	.start_reg = VEPU2_START,
	.start = BIT(0),
	.status_reg = VEPU2_INTERRUPT,
	.irq = BIT(0),
	.irq_dis = BIT(8),
	.results = {
		[MODEL_DONE] = BIT(1),
		[MODEL_ERROR] = BIT(5),
		[MODEL_BUS] = BIT(4),
		[MODEL_TIMEOUT] = BIT(6),
	},
	.stops_when_cleared = true,
	.run = vepu2_run,
};

enum {
	H1_INTERRUPT	= 0x004,	/* 0 irq, 1 disabled, 2 ready, 3 bus, 5 full, 6 timeout */
	H1_OUT		= 0x014,
	H1_PLANES	= 0x02c,
	H1_START	= 0x038,	/* 0 start, in macroblocks: 27:19 width, 18:10 height */
	H1_IMAGE	= 0x03c,	/* 5:2 format */
	H1_LIMIT	= 0x060,
	H1_TABLES	= 0x100,
};

static bool h1_run(struct model *m)
{
	u32 start = model_reg(m, H1_START);
	const struct jpegenc_regs regs = {
		.tables = H1_TABLES,
		.out = H1_OUT,
		.limit = H1_LIMIT,
		.planes = H1_PLANES,
		.mb_width = FIELD_GET(GENMASK(27, 19), start),
		.mb_height = FIELD_GET(GENMASK(18, 10), start),
		.format = FIELD_GET(GENMASK(5, 2), model_reg(m, H1_IMAGE)),
	};

	return jpegenc_run(m, &regs);
}

const struct model_type h1_model = {
	.name = "h1",
	.compatible = "rockchip,rk3288-vpu",
	.size = 0x400,
	.start_reg = H1_START,
	.start = BIT(0),
	.status_reg = H1_INTERRUPT,
	.irq = BIT(0),
	.irq_dis = BIT(1),
	.results = {
		[MODEL_DONE] = BIT(2),
		[MODEL_ERROR] = BIT(5),
		[MODEL_BUS] = BIT(3),
		[MODEL_TIMEOUT] = BIT(6),
	},
	.stops_when_cleared = true,
	.run = h1_run,
};
