/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Submits frames to the hantro driver: one open context of a decoder (with
 * media requests and stateless controls) or of the JPEG encoder, its buffers,
 * and what the models of the hardware say of the jobs.
 *
 * What a buffer, a dma-buf and a sync_file can be asked is in vb2_fences_util.h;
 * its functions take &hs->v. Functions that return int return 0 (or what they
 * say) or a negative errno, and none of them waits for ever.
 */
#ifndef HANTRO_SUBMIT_H
#define HANTRO_SUBMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/videodev2.h>

#include "vb2_fences_util.h"

enum hs_codec {
	HS_H264,
	HS_H264_FIELDS,		/* a CAPTURE buffer takes two jobs */
	HS_MPEG2,
	HS_VP8,
	HS_HEVC,
	HS_HEVC10,		/* 10 bits: NV15_4L4 or P010 */
	HS_VP9,
	HS_JPEG,		/* encoder, no requests */
	HS_NUM_CODECS,
};

extern const char *const hs_codec_names[HS_NUM_CODECS];

/* By the names that the models have in debugfs. */
struct hs_node {
	const char *name;	/* vdpu, g1, g1i, g2, vepu, h1 */
	const char *video;	/* what V4L2 calls it */
	unsigned int codecs;	/* bit mask of 1 << enum hs_codec */
};

extern const struct hs_node hs_nodes[];	/* the last one has no name */

const struct hs_node *hs_find_node(const char *name);

struct hs_setup {
	const char *node;	/* of struct hs_node */
	enum hs_codec codec;
	bool import;		/* CAPTURE memory is V4L2_MEMORY_DMABUF, or else MMAP */
	bool import_out;	/* OUTPUT is DMABUF: hs_submit_dmabuf() only */
	__u32 fourcc;		/* of the picture; 0: what the driver proposes */
	unsigned int width;
	unsigned int height;
	int nout;		/* OUTPUT buffers, one request each */
	int ncap;		/* CAPTURE buffers; inter frames want 3 at least */
};

/* Bytes of a buffer that the hardware writes: @rows of @width, @stride apart */
struct hs_range {
	int plane;
	size_t offset;
	size_t width;
	size_t stride;
	size_t rows;
};

/* What a frame may refer to. */
struct hs_ref {
	__u64 ts;		/* of its CAPTURE buffer, in ns; 0: none */
	int cap;
	int poc;
	int num;
};

struct hs {
	struct vb2f v;		/* the first; v.cap[i].fd[0], .map[0]: the dma-bufs */
	struct vb2f_setup vsetup;
	struct hs_setup setup;
	const struct hs_node *node;
	struct v4l2_pix_format_mplane raw;	/* the picture */
	struct v4l2_pix_format_mplane coded;
	void *mmap[VB2F_MAX_BUFS];	/* CAPTURE through the video node; MMAP only */
	int frames;		/* submitted since the last hs_forget() */
	int stamp;		/* the last one given to an OUTPUT buffer */
	struct hs_ref cur;	/* the frame submitted last */
	struct hs_ref last;	/* the one before, while that is incomplete */
	struct hs_ref golden;	/* the first frame */
};

/* What the controls of a request are to say; only the codec's own are used. */
struct hs_ctrls {
	struct v4l2_ctrl_h264_sps h264_sps;
	struct v4l2_ctrl_h264_pps h264_pps;
	struct v4l2_ctrl_h264_scaling_matrix h264_scaling;
	struct v4l2_ctrl_h264_decode_params h264_decode;
	struct v4l2_ctrl_mpeg2_sequence mpeg2_sequence;
	struct v4l2_ctrl_mpeg2_picture mpeg2_picture;
	struct v4l2_ctrl_mpeg2_quantisation mpeg2_quantisation;
	struct v4l2_ctrl_vp8_frame vp8_frame;
	struct v4l2_ctrl_hevc_sps hevc_sps;
	struct v4l2_ctrl_hevc_pps hevc_pps;
	struct v4l2_ctrl_hevc_scaling_matrix hevc_scaling;
	struct v4l2_ctrl_hevc_decode_params hevc_decode;
	struct v4l2_ctrl_vp9_frame vp9_frame;
	struct v4l2_ctrl_vp9_compressed_hdr vp9_hdr;
};

/*
 * One job. Zero-initialised with .out, .cap and .seed, it is the next frame of
 * the stream: the first is intra, the later ones refer to the last and to the first
 * one (never to one that was in the CAPTURE buffer that is written now).
 * A frame of HS_H264_FIELDS is two of them, made by hs_submit_frame().
 */
struct hs_job {
	int out;		/* index of the OUTPUT buffer and of its request */
	int cap;		/* index of the CAPTURE buffer */
	unsigned int seed;	/* of the bitstream */
	bool intra;
	bool second;		/* field of the frame in .cap, which is queued already */
	bool hold;		/* V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF */
	bool keep;		/* do not become a reference (a job that is to fail) */
	void (*edit)(struct hs *hs, struct hs_ctrls *c);	/* to break them */
};

/* A buffer that came back. */
struct hs_done {
	int index;
	bool error;		/* V4L2_BUF_FLAG_ERROR */
	__u32 bytesused;	/* of its first plane */
};

/*
 * Contexts. hs_open() sets the formats; hs_start() then allocates, exports and
 * maps the buffers, and starts both queues. -ENODEV: no such node; -EINVAL: it
 * does not do that codec, format or size.
 * hs_stream(hs, false) gives every buffer back: requests are started anew.
 */
int hs_open(struct hs *hs, const struct hs_setup *setup);
int hs_start(struct hs *hs);
int hs_stream(struct hs *hs, bool on);
void hs_forget(struct hs *hs);	/* the next frame is the first one */
void hs_close(struct hs *hs);

/* /dev/videoN (and /dev/mediaN) of a node; a descriptor. */
int hs_open_video(const struct hs_node *node);
int hs_open_media(const struct hs_node *node);
/* The platform device ("fe000000.video-codec"), for unbind. */
int hs_device(const struct hs_node *node, char *name, size_t size);

/*
 * @count dma-bufs that dma-contig takes, as large as the setup's CAPTURE
 * buffers: contiguous memory without an IOMMU is only what another context of
 * the node exports. Wanted for hs_start() of setup->import, which does it.
 */
int hs_alloc_dmabufs(const struct hs_setup *setup, int count, int *fds);

/* Jobs: the whole of it, or step by step. */
int hs_submit(struct hs *hs, const struct hs_job *job);
int hs_queue_cap(struct hs *hs, int cap);
int hs_prepare(struct hs *hs, const struct hs_job *job);	/* request not queued */
int hs_queue_request(struct hs *hs, int out);
/* One frame, of one job or of two fields that are waited for in between */
int hs_submit_frame(struct hs *hs, int out, int cap, unsigned int seed);
/* An encoder's job with somebody else's dma-buf as OUTPUT. */
int hs_submit_dmabuf(struct hs *hs, int out, int cap, int fd, size_t size);

/*
 * Returns the index; -ETIMEDOUT after @ms, -EPIPE after the last buffer; of any mem2mem device
 * with the multi-planar API. hs_finish() dequeues one OUTPUT and one CAPTURE buffer.
 */
int hs_dq(const struct vb2f *v, bool capture, struct hs_done *done, int ms);
int hs_finish(struct hs *hs, struct hs_done *cap, int ms);
int hs_wait_request(struct hs *hs, int out, int ms);

/* The content of buffers. */
#define HS_FNV_INIT	0xcbf29ce484222325ULL
#define HS_WIPE		0xa5

__u64 hs_fnv(__u64 hash, const void *data, size_t size);
/* What a frame of this context, or one field of it (0 or 1; -1: all), is made of. */
int hs_ranges(const struct hs *hs, int field, struct hs_range ranges[2]);
__u64 hs_hash(void *const planes[], const struct hs_range *ranges, int count);
size_t hs_range_bytes(const struct hs_range *ranges, int count);
/* A CAPTURE buffer of any device, DMA_BUF_IOCTL_SYNC included */
void hs_wipe(const struct vb2f *v, int cap);
int hs_cpu_access(int dmabuf, bool begin, bool write);

/*
 * debugfs of the models: /sys/kernel/debug/models/NODE/KNOB. hs_knob_int() returns the
 * number in it (1 for yes), or a negative errno.
 */
int hs_knob_set(const char *node, const char *knob, const char *value);
int hs_knob_set_int(const char *node, const char *knob, long long value);
int hs_knob_get(const char *node, const char *knob, char *text, size_t size);
long long hs_knob_int(const char *node, const char *knob);
int hs_knob_hash(const char *node, __u64 *hash);	/* last_hash */
/* Waits until a counter (starts, jobs...) has reached @count. */
int hs_wait_count(const char *node, const char *knob, long long count, int ms);
/* Waits until the model is (or is no longer) at work. */
int hs_wait_active(const char *node, bool active, int ms);
/* fault, fault_count, time_us, extra_us back to their defaults */
void hs_knobs_reset(const char *node);

#endif /* HANTRO_SUBMIT_H */
