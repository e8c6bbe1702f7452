/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What RGA has to make of a picture, in terms of V4L2, one pixel after the other. The hardware
 * is free in how it scales, rounds and spreads chroma; what the models do there is in
 * testing/models/rga.h.
 */
#ifndef RGA_REFERENCE_H
#define RGA_REFERENCE_H

#include "../hantro/submit.h"

struct ref_op {
	int generation;		/* 2 or 3: they scale and choose colours differently */
	struct v4l2_pix_format_mplane in;
	struct v4l2_pix_format_mplane out;
	struct v4l2_rect crop;		/* of in */
	struct v4l2_rect compose;	/* of out; all of it the size of what is written */
	int rotate;		/* clockwise; before the flips */
	bool hflip;		/* left and right */
	bool vflip;
};

/*
 * By one pointer per plane of the buffer. ref_run() writes only what the hardware is to write.
 * Both return a negative errno if they do not know a format; ref_ranges() how many there are.
 */
int ref_run(const struct ref_op *op, void *const in[], void *const out[]);
int ref_ranges(const struct v4l2_pix_format_mplane *format, const struct v4l2_rect *rect,
	       struct hs_range ranges[3]);

#endif /* RGA_REFERENCE_H */
