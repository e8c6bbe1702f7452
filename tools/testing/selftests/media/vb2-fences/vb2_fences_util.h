/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the vb2 release fence tests share: one mem2mem context of vim2m or
 * visl, its buffers, one job on it, and the questions to ask a dma-buf and a
 * sync_file.
 *
 * Functions that return int return 0 (or what they say) or a negative errno,
 * and none of them waits for ever.
 */
#ifndef VB2_FENCES_UTIL_H
#define VB2_FENCES_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <linux/videodev2.h>

#ifndef V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES
#define V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES	0x200
#endif

/* vim2m's own controls are in no header */
#define VB2F_CID_TRANS_TIME_MSEC	(V4L2_CID_USER_BASE + 0x1000)
#define VB2F_CID_TRANS_NUM_BUFS		(V4L2_CID_USER_BASE + 0x1001)

#define VB2F_MAX_PLANES		2
#define VB2F_MAX_BUFS		32
#define VB2F_MAX_FENCES		4

/* No wait is longer than this: what takes longer hangs */
#define VB2F_TIMEOUT_MS		10000

/*
 * The time of a job that has to be looked at. A test can be too slow for it:
 * it finds out afterwards, and tries again with a job twice as long.
 */
#define VB2F_JOB_MS		200
#define VB2F_JOB_MS_MAX		3200

/* The byte that no frame contains: video levels begin at 16 */
#define VB2F_WIPED		3

enum vb2f_memory {
	VB2F_MMAP,		/* V4L2_MEMORY_MMAP and VIDIOC_EXPBUF */
	VB2F_HEAP,		/* imported from the system dma-heap */
	VB2F_UDMABUF,		/* imported from udmabuf */
	VB2F_USERPTR,
};

struct vb2f;
struct vb2f_buf;

/* For a device that is neither vim2m nor visl: how to have the same tests */
struct vb2f_ops {
	int (*open)(struct vb2f *dev);		/* and set the formats */
	void (*close)(struct vb2f *dev);
	int (*alloc_dmabuf)(struct vb2f *dev, size_t size);
	int (*set_job_ms)(struct vb2f *dev, int ms);
	void (*fill_out)(struct vb2f *dev, int i, unsigned int seed);
	int (*qout)(struct vb2f *dev, int i, int stamp, __u32 flags);
	bool (*is_wiped)(const struct vb2f *dev, const struct vb2f_buf *buf);
	bool (*is_drawn)(const struct vb2f *dev, const struct vb2f_buf *buf,
			 unsigned int seed);
};

struct vb2f_setup {
	const char *driver;
	enum vb2f_memory memory;
	__u32 fourcc;		/* of the CAPTURE queue */
	unsigned int width;
	unsigned int height;
	bool requests;		/* jobs come through media requests */
	bool mplane;		/* vim2m is to be a multi-planar device */
	const struct vb2f_ops *ops;
	void *priv;		/* of the ops */
};

/* Followed by .requests or .mplane, if need be */
#define VB2F_VIM2M(_memory, _width, _height, ...) {			\
	.driver = "vim2m",						\
	.memory = _memory,						\
	.fourcc = V4L2_PIX_FMT_RGB565,					\
	.width = _width,						\
	.height = _height,						\
	__VA_ARGS__							\
}

/* The smallest frame that visl has */
#define VB2F_VISL(_memory, _fourcc) {					\
	.driver = "visl",						\
	.memory = _memory,						\
	.fourcc = _fourcc,						\
	.width = 640,							\
	.height = 360,							\
	.requests = true,						\
}

struct vb2f_buf {
	int fd[VB2F_MAX_PLANES];
	void *map[VB2F_MAX_PLANES];
};

/* One open file of a mem2mem device, that is one context */
struct vb2f {
	const struct vb2f_setup *setup;
	const struct vb2f_ops *ops;
	void *priv;		/* of the ops */
	char name[32];		/* of the platform device */
	int fd;
	int media_fd;
	bool decoder;		/* visl: it draws its own picture */
	bool mplane;
	__u32 out_type;
	__u32 cap_type;
	__u32 cap_memory;
	__u32 cap_caps;		/* V4L2_BUF_CAP_... of the CAPTURE queue */
	int nplanes;
	size_t size[VB2F_MAX_PLANES];
	size_t out_size;
	int nout;
	int ncap;
	void *out[VB2F_MAX_BUFS];
	int req[VB2F_MAX_BUFS];
	struct vb2f_buf cap[VB2F_MAX_BUFS];
};

int vb2f_ioctl(int fd, unsigned long request, void *arg);
int vb2f_write(const char *path, const char *text);

/* Returns this thread's fail-nth, by which only kmalloc() and the like fail. */
int vb2f_open_fail_nth(void);

/* Devices and modules. */
int vb2f_modprobe(bool remove, const char *module);
bool vb2f_module_loaded(const char *module);
int vb2f_bind(const struct vb2f *dev, bool bind);

/*
 * Says what is missing if @err means that a test has to be skipped; never does
 * when VB2_FENCES_STRICT=1 is set, by those who know that nothing is missing.
 */
const char *vb2f_missing(int err);

/* A device without release fences is -EOPNOTSUPP; vb2f_open_any() takes it. */
int vb2f_open(struct vb2f *dev, const struct vb2f_setup *setup);
int vb2f_open_any(struct vb2f *dev, const struct vb2f_setup *setup);
int vb2f_alloc(struct vb2f *dev, int nout, int ncap);
void vb2f_close(struct vb2f *dev);
int vb2f_reqbufs(struct vb2f *dev, __u32 type, __u32 memory,
		 int count, __u32 *caps);
int vb2f_expbuf(struct vb2f *dev, int i, int plane);
int vb2f_set_ctrl(struct vb2f *dev, __u32 id, int value);
int vb2f_set_job_ms(struct vb2f *dev, int ms);
int vb2f_stream(struct vb2f *dev, bool on);

/* dma-bufs that are not V4L2's own. */
int vb2f_alloc_dmabuf(enum vb2f_memory memory, size_t size);
int vb2f_map_buf(const struct vb2f *dev, struct vb2f_buf *buf);
void vb2f_drop_buf(const struct vb2f *dev, struct vb2f_buf *buf);
void vb2f_drop_out(struct vb2f *dev);

/* Buffers in and out. vb2f_dq() returns the index of the buffer. */
void vb2f_init_buf(const struct vb2f *dev, struct v4l2_buffer *b,
		   struct v4l2_plane *planes, bool capture, int i);
int vb2f_qcap(struct vb2f *dev, int i);
int vb2f_qout(struct vb2f *dev, int i, int stamp,
	      __u32 flags);
int vb2f_dq(struct vb2f *dev, bool capture, struct v4l2_buffer *b);

/* Frames. */
void vb2f_fill_out(struct vb2f *dev, int i, unsigned int seed);
void vb2f_wipe(const struct vb2f *dev, struct vb2f_buf *buf);
bool vb2f_is_wiped(const struct vb2f *dev, const struct vb2f_buf *buf);
bool vb2f_is_drawn(const struct vb2f *dev, const struct vb2f_buf *buf,
		   unsigned int seed);

/* dma-bufs and sync_files. */
struct vb2f_info {
	int status;		/* 0: active, 1: signalled, or an error */
	int num;
	struct sync_fence_info fence[VB2F_MAX_FENCES];
};

__u64 vb2f_now(void);
void vb2f_sleep_us(unsigned int us);
int vb2f_poll(int fd, short events, int ms);
int vb2f_export(int dmabuf, __u32 flags);
int vb2f_info(int sync, struct vb2f_info *info);
int vb2f_status(int sync);
int vb2f_dmabuf_status(int dmabuf);
int vb2f_merge(int a, int b);
int vb2f_wait_active(const struct vb2f *dev, int i);

/*
 * What debugfs knows of a dma-buf's fences: how many there are, signalled ones
 * included, and the newest. All of it is -ENOENT where debugfs is missing.
 */
int vb2f_debug_fences(int dmabuf, __u64 *context, __u64 *seqno);
int vb2f_debug_dmabufs(void);

/*
 * One job, on OUTPUT buffer 0 and CAPTURE buffer 0. vb2f_job_start() returns
 * when it has seen the fence active; -EAGAIN: it was too late for that.
 */
struct vb2f_job {
	int sync;		/* taken in flight */
	unsigned int seed;
	__u64 queued;
	__u64 seen;		/* first seen active */
	__u64 signaled;	/* what the fence says */
	__u64 woken;
	bool failed;		/* the CAPTURE buffer has the ERROR flag */
	int status;		/* of the fence */
};

int vb2f_job_queue(struct vb2f *dev, int ms, struct vb2f_job *job);
int vb2f_job_start(struct vb2f *dev, int ms, struct vb2f_job *job);
int vb2f_job_wait(struct vb2f_job *job);
int vb2f_job_finish(struct vb2f *dev, struct vb2f_job *job);

/* Other processes. */
int vb2f_send(int sock, const void *data, size_t len, const int *fds,
	      int nfds);
int vb2f_recv(int sock, void *data, size_t len, int *fds, int nfds);
int vb2f_wait_child(pid_t pid);

#endif /* VB2_FENCES_UTIL_H */
