/* SPDX-License-Identifier: GPL-2.0 */
/* What the decoders of the first and the second generation have in common. */
#ifndef DECODER_H
#define DECODER_H

#include "models.h"

enum { DECODER_H264 = 0, DECODER_MPEG2 = 5, DECODER_VP8 = 10 };

/**
 * struct decoder_job - one picture, whatever the registers
 * @mode: DECODER_*
 * @width: of a line of the picture in memory, a multiple of 16
 * @height: of the frame, a multiple of 16, of a field, too
 * @field: every other line is decoded
 * @bottom: which starts with the second one; @dst is the address of that
 * @inter: VP8, MPEG-2: there are reference frames
 * @bipred: MPEG-2: the last two of four, too
 * @grey: there is no chroma
 * @stream: address of the stream; VP8: of the first DCT partition
 * @stream_len: of the stream; VP8: see there
 * @start_bit: VP8: of the first DCT partition in its word
 * @parts: VP8: number of DCT partitions
 * @ctrl: VP8: address of the control partition
 * @ctrl_len: VP8: its length
 * @table: address of the quantiser or probability table
 * @segments: VP8: address of the map of segments, and in bit 0: in use; in bit 1: replaced
 * @dst: address of the picture
 * @mvs: address for the motion vectors, or 0
 * @refs: addresses of the reference frames; the lowest two bits are something else
 * @nrefs: how many
 */
struct decoder_job {
	u32 mode, width, height;
	bool field, bottom, inter, bipred, grey;
	u32 stream, stream_len, start_bit, parts, ctrl, ctrl_len;
	u32 table, segments;
	u32 dst, mvs;
	u32 refs[16];
	unsigned int nrefs;
};

bool decoder_run(struct model *m, const struct decoder_job *j);

#endif
