// SPDX-License-Identifier: GPL-2.0
/*
 * A picture of the decoders of the first and the second generation: 8 bits, 4:2:0, luma and then
 * chroma, with the motion vectors of H.264 behind it.
 */

#include "decoder.h"

static bool decoder_stream(struct model *m, const struct decoder_job *j)
{
	u32 sizes = (j->parts - 1) * 3, skip = j->start_bit / 8;

	if (j->mode != DECODER_VP8)
		return model_read(m, j->stream, j->stream_len);
	/*
	 * The DCT partitions lie one behind the other. Their length is counted from the aligned
	 * address of the sizes of all but the last, 3 bytes each, in front of them.
	 */
	return model_read(m, j->ctrl, j->ctrl_len) &&
	       model_read(m, j->stream + skip, j->stream_len - sizes - ((skip - sizes) & 7));
}

static bool decoder_refs(struct model *m, const struct decoder_job *j, u32 frame)
{
	u32 size = j->width * j->height * (j->grey ? 2 : 3) / 2;
	u64 digest, sum = 0;
	unsigned int i;

	for (i = 0; i < j->nrefs; i++) {
		u32 ref = j->refs[i] & ~3;

		/* The driver lets unused ones point to the picture itself. */
		if (!ref || ref == frame)
			continue;
		if (!model_digest(m, ref, size, &digest))
			return false;
		/* Which place a frame has in an H.264 buffer depends on its past. */
		sum += j->mode == DECODER_H264 ? digest : digest * (2 * i + 3);
	}
	model_mix(m, sum);
	return true;
}

bool decoder_run(struct model *m, const struct decoder_job *j)
{
	u32 mbs = j->width * j->height / 256;
	u32 lines = j->field ? j->height / 2 : j->height;
	u32 stride = j->field ? j->width * 2 : j->width;
	u32 frame = j->field && j->bottom ? j->dst - j->width : j->dst;
	u32 map = j->segments & ~3, map_size = DIV_ROUND_UP(mbs, 4);

	model_mix(m, j->mode);
	model_mix(m, j->width << 16 | j->height);
	model_mix(m, j->field << 3 | j->bottom << 2 | j->inter << 1 | j->bipred);
	if (!decoder_stream(m, j) || !decoder_refs(m, j, frame))
		return false;
	/* MPEG-2: quantisers. What the others have there depends on the past: only be there. */
	if (j->mode == DECODER_MPEG2) {
		if (!model_read(m, j->table, 256))
			return false;
	} else {
		u64 unused;

		if (!model_digest(m, j->table, 256, &unused))
			return false;
	}
	if (j->mode == DECODER_VP8 && (j->segments & 3) == 1 && !model_read(m, map, map_size))
		return false;

	if (!model_write_picture(m, j->dst, j->width, lines, stride))
		return false;
	if (!j->grey && !model_write_picture(m, j->dst + j->width * j->height, j->width, lines / 2,
					     stride))
		return false;
	/* 64 bytes of motion vectors for each macroblock, 32 in a field. */
	if (j->mvs && !model_write(m, j->mvs, j->field ? 32 : 64, mbs, j->field ? 32 : 64))
		return false;
	return j->mode != DECODER_VP8 || (j->segments & 3) != 3 ||
	       model_write(m, map, map_size, 1, 0);
}
