/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Submits pictures to the rockchip-rga driver: one open context, its buffers, and what has to
 * come out.
 *
 * What a buffer, a dma-buf and a sync_file can be asked is in vb2_fences_util.h; its functions
 * take &rs->v, but those for OUTPUT buffers, which may have two planes here. What the models say
 * is in testing/hantro/submit.h, hs_knob_...(). Functions that return int return 0 (or what they
 * say) or a negative errno, and none of them waits for ever.
 */
#ifndef RGA_SUBMIT_H
#define RGA_SUBMIT_H

#include "reference.h"
#include "vb2_fences_util.h"

#define RS_MAX_BUFS	16

enum rs_memory {
	RS_MMAP,
	RS_OTHER,		/* imported from another context of the node, which exports */
	RS_HEAP,		/* imported from the system heap: RGA2 only */
};

struct rs_setup {
	const char *node;	/* rga2 or rga3: the name that the models and the driver have */
	__u32 in, out;		/* formats */
	unsigned int in_width, in_height, out_width, out_height;
	struct v4l2_rect crop, compose;	/* no width: all of it */
	int rotate;
	bool hflip, vflip;
	__u32 colorspace;	/* these are the formats'; 0: the driver's choice */
	__u32 encoding;
	__u32 quantization;
	enum rs_memory memory;	/* of the CAPTURE buffers */
	bool import_out;	/* OUTPUT is DMABUF: rs_submit_dmabuf() only */
	int nout, ncap;
};

struct rs {
	struct vb2f v;		/* the first; v.cap[i].fd, .map: the dma-bufs */
	struct vb2f_setup vsetup;
	struct rs_setup setup;
	struct ref_op op;	/* what the driver has agreed to */
	void *out[RS_MAX_BUFS][VB2F_MAX_PLANES];
	void *mmap[RS_MAX_BUFS][VB2F_MAX_PLANES];	/* CAPTURE by the video node; MMAP only */
	void *expected[VB2F_MAX_PLANES];
	int stamp;
};

struct rs_done {
	int index;
	bool error;		/* V4L2_BUF_FLAG_ERROR */
};

/*
 * rs_open() sets everything but the buffers, -EINVAL: the driver does not do that;
 * rs_start() allocates, exports and maps them, and starts both queues.
 */
int rs_open(struct rs *rs, const struct rs_setup *setup);
int rs_start(struct rs *rs);
void rs_close(struct rs *rs);

/* A descriptor of /dev/videoN; and the platform device ("e0060000.rga") */
int rs_open_video(const char *node);
int rs_device(const char *node, char *name, size_t size);

/* The size in bytes of a plane of the OUTPUT and of the CAPTURE buffers */
size_t rs_size(const struct rs *rs, bool capture, int plane);

/* @count buffers' dma-bufs, all planes of each, as the CAPTURE buffers of @setup want them */
int rs_alloc_dmabufs(const struct rs_setup *setup, int count, int fds[][VB2F_MAX_PLANES]);

/*
 * Jobs. rs_fill() makes a picture of noise; rs_submit() queues a wiped CAPTURE buffer and the
 * picture; rs_finish() takes one of each back.
 */
void rs_fill(struct rs *rs, int out, unsigned int seed);
int rs_queue_out(struct rs *rs, int out, const int *fds);
int rs_submit(struct rs *rs, int out, int cap, unsigned int seed);
int rs_submit_dmabuf(struct rs *rs, int out, int cap, const int *fds);
int rs_finish(struct rs *rs, struct rs_done *done, int ms);

/*
 * What a wiped CAPTURE buffer has to contain when the picture of an OUTPUT buffer has been
 * written to it, by rs->expected or by the planes of somebody else. rs_differ(): in how many
 * bytes, anywhere in the buffer, one does not. rs_hash(): the hash that the model has in
 * last_hash, when it has written that.
 */
int rs_expect(struct rs *rs, void *const in[]);
size_t rs_differ(const struct rs *rs, void *const planes[]);
__u64 rs_hash(const struct rs *rs, void *const planes[]);

#endif /* RGA_SUBMIT_H */
