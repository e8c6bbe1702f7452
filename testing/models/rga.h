/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What both generations of Rockchip's RGA do to a picture. Everything is exact, so that a few
 * lines of plain C can say what has to come out:
 *
 * A pixel has three components of 8 bits (R, G, B or Y, U, V) and alpha. The source is read as
 * if each pixel had its own chroma: that of its block. Components of fewer than 8 bits are
 * widened by repeating their bits from the top, and narrowed by dropping the low ones. A pixel
 * without alpha, or with padding in its place, has alpha 255; padding is written like alpha.
 *
 * In this order: scale, rotate clockwise, mirror (X: exchange left and right), convert, store.
 *
 * Scaling takes the nearest pixel. Per direction, with the factor F that is programmed: up,
 * pixel i is source pixel floor(i * F / 65536); down, ceil(i * 65536 / F).
 *
 * Conversion between RGB and YUV is a matrix of coefficients in 1/65536, rounded to nearest,
 * applied to all three components, rounded (floor(x + 1/2)) and clamped to 0..255 in the end;
 * limited range is Y 16..235, U and V 16..240, full range 0..255 each.
 *
 * The chroma of a block is the mean of that of its pixels, rounded (floor(x + 1/2)).
 *
 * The real hardware interpolates, and rounds in its own ways.
 */
#ifndef RGA_H
#define RGA_H

#include "models.h"

#define RGA_COMMANDS	0x100	/* the registers from here on come from the command buffer */

enum rga_pixels { RGA_8888, RGA_888, RGA_565, RGA_1555, RGA_4444, RGA_YUV };

struct rga_plane {
	u32 addr;
	u32 stride;
	u32 page;	/* that is mapped, if any is */
	u8 *map;
};

struct rga_picture {
	struct model *m;
	enum rga_pixels pixels;
	u8 planes;		/* of YUV */
	u8 hdiv, vdiv;		/* of chroma */
	bool padded;		/* there is no alpha */
	bool alpha_first;
	bool blue_first;	/* in memory, or in the low bits */
	bool v_first;
	bool luma_first;	/* of packed YUV */
	u32 width, height;	/* nothing outside is read or written */
	struct rga_plane plane[3];
	bool mmu;
	u32 table;		/* of the MMU: one word for each page */
	bool bad;
	u8 nowhere;
};

struct rga_scaler {
	enum { RGA_SAME, RGA_DOWN, RGA_UP } mode;
	u32 factor;
};

struct rga_csc {
	s32 k[3][3];
	s32 in, out;		/* what Y has for black */
	bool to_rgb;
};

enum rga_encoding { RGA_BT601, RGA_BT601_FULL, RGA_BT709, RGA_BT2020, RGA_ENCODINGS };

struct rga_job {
	struct rga_picture src, dst;
	struct rga_scaler x, y;
	unsigned int rotate;	/* times 90 degrees */
	bool mirror_x, mirror_y;
	const struct rga_csc *csc;
	int alpha;		/* of all pixels; -1: that of the source */
};

enum rga_result {
	RGA_OK,
	RGA_BAD_READ, RGA_BAD_WRITE,		/* no memory there */
	RGA_BAD_X, RGA_BAD_Y,			/* no such pixel in the source */
	RGA_BAD_SIZE,				/* half a block */
};

bool rga_fetch(struct model *m, u32 base, u32 size);
const struct rga_csc *rga_csc(enum rga_encoding encoding, bool to_rgb);
enum rga_result rga_run(struct rga_job *j);

#endif
