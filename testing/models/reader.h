/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The second process of the programs frames: it has only the dma-bufs, is told of a frame while
 * the hardware writes it, and waits for nothing but the sync_files that it exports then. It reads
 * the frame twice: through mappings of its own, and, if the JPEG encoder takes such frames, by
 * having that import it.
 *
 * Functions that return int return 0 or a negative errno.
 */
#ifndef MODELS_READER_H
#define MODELS_READER_H

#include "../hantro/submit.h"

#define READER_FDS	8	/* of all buffers of a stream */

/* To the reader: a new stream; a frame in flight; how the frame has to be read */
struct order {
	enum { STREAM, FRAME, DONE } what;
	char node[8];
	int ncap;
	int nplanes;
	size_t size[VB2F_MAX_PLANES];	/* of a buffer */
	unsigned int width;	/* of a frame */
	size_t bytes;		/* of a frame; 0: nothing to encode */
	int cap;
	int parts;		/* 2: fields */
	int count;		/* ranges of a part */
	struct hs_range ranges[2][3];
};

struct report {
	int error;
	bool busy;		/* poll() of a dma-buf was not ready */
	bool active;		/* the fence was not signalled */
	bool flight;		/* nor had the hardware finished, when asked after that */
	bool early;		/* and it had not when the frame had been read */
	bool encoded;
	__u64 hash[2];
	__u64 jpeg;		/* encoded after the fence */
	__u64 jpeg_done;	/* and again when the producer had the buffer back */
};

/* What is printed of a stream */
struct row {
	int frames;
	int wrong;		/* not what the model has written */
	long long faults;	/* of the driver, as the model sees it */
	int equal;
	int unequal;
	int busy;
	int active;
	int flight;
	int early;
	int jpeg_equal;
	int jpeg_unequal;
	__u64 mmap;
	__u64 model;
	__u64 reference;
	__u64 consumer;
	__u64 jpeg;
	__u64 jpeg_done;
};

#define NEW_ROW {			\
	.mmap = HS_FNV_INIT,		\
	.model = HS_FNV_INIT,		\
	.reference = HS_FNV_INIT,	\
	.consumer = HS_FNV_INIT,	\
	.jpeg = HS_FNV_INIT,		\
	.jpeg_done = HS_FNV_INIT,	\
}

/*
 * The reader's socket, before any device is open, so that it has no other descriptor; it ends
 * when this is closed.
 */
int start_reader(pid_t *pid);
/* The order is completed for the CAPTURE buffers of @v. */
int reader_stream(int sock, const struct vb2f *v, const char *node, struct order *o);
int reader_frame(int sock, int cap);
int reader_done(int sock, struct order *o, struct report *r);

/* A frame that the reader has read, right or not */
void count_frame(struct row *row, const struct report *r, bool right);
__u64 mix(__u64 sum, __u64 hash);
long long count_faults(const char *node);
const char *name_of(int err);

#endif /* MODELS_READER_H */
