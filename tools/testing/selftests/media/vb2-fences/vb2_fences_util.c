// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <linux/dma-heap.h>
#include <linux/media.h>
#include <linux/udmabuf.h>

#include "vb2_fences_util.h"

#define MAX_NODES	64
#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define FAILPAGE	"/sys/kernel/debug/fail_page_alloc/"
#define VISL_TRANSTIME	"/sys/module/visl/parameters/visl_transtime_ms"

int vb2f_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);

	return ret < 0 ? -errno : ret;
}

__u64 vb2f_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);	/* the clock of dma_fence */
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static __u64 deadline(void)
{
	return vb2f_now() + VB2F_TIMEOUT_MS * 1000000ULL;
}

void vb2f_sleep_us(unsigned int us)
{
	struct timespec ts = {
		.tv_sec = us / 1000000,
		.tv_nsec = us % 1000000 * 1000,
	};

	nanosleep(&ts, NULL);
}

/*
 * Devices and modules
 */

int vb2f_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int vb2f_open_fail_nth(void)
{
	int ret;

	/* Allocations that can wait are those that matter; spare the log */
	if (vb2f_write(FAILSLAB "ignore-gfp-wait", "N") ||
	    vb2f_write(FAILSLAB "verbose", "0"))
		return -ENXIO;
	/* When a slab needs new pages is chance: do not count them */
	ret = vb2f_write(FAILPAGE "min-order", "100");
	if (ret && ret != -ENOENT)
		return -ENXIO;
	ret = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return ret < 0 ? -ENXIO : ret;
}

int vb2f_wait_child(pid_t pid)
{
	__u64 end = deadline();
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (vb2f_now() > end) {
			kill(pid, SIGKILL);
			return -ETIMEDOUT;
		}
		vb2f_sleep_us(1000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

int vb2f_modprobe(bool remove, const char *module)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		execl("/sbin/modprobe", "modprobe", remove ? "-qr" : "-q",
		      module, NULL);
		_exit(127);
	}
	return vb2f_wait_child(pid);
}

bool vb2f_module_loaded(const char *module)
{
	char path[64], *c;

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", module);
	for (c = path; *c; c++)
		if (*c == '-')
			*c = '_';
	return !access(path, F_OK);
}

int vb2f_bind(const struct vb2f *dev, bool bind)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/%s/%s",
		 dev->setup->driver, bind ? "bind" : "unbind");
	return vb2f_write(path, dev->name);
}

static int find_video(struct vb2f *dev)
{
	struct v4l2_capability cap = {};
	char path[64];
	int i, fd;

	for (i = 0; i < MAX_NODES; i++) {
		snprintf(path, sizeof(path), "/sys/class/video4linux/video%d",
			 i);
		if (access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "/dev/video%d", i);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!vb2f_ioctl(fd, VIDIOC_QUERYCAP, &cap) &&
		    !strcmp((char *)cap.driver, dev->setup->driver)) {
			dev->mplane = cap.device_caps &
				      V4L2_CAP_VIDEO_M2M_MPLANE;
			dev->fd = fd;
			return 0;
		}
		close(fd);
	}
	return -ENODEV;
}

static int find_media(struct vb2f *dev)
{
	struct media_device_info info = {};
	char path[32];
	int i, fd;

	for (i = 0; i < MAX_NODES; i++) {
		snprintf(path, sizeof(path), "/dev/media%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!vb2f_ioctl(fd, MEDIA_IOC_DEVICE_INFO, &info) &&
		    !strcmp(info.model, dev->setup->driver)) {
			dev->media_fd = fd;
			return 0;
		}
		close(fd);
	}
	return -ENODEV;
}

/* Load or bind the driver if need be; devtmpfs makes the nodes. */
static int find_device(struct vb2f *dev)
{
	__u64 end = deadline();
	char path[128];
	int ret;

	ret = find_video(dev);
	if (!ret)
		return 0;

	vb2f_modprobe(false, dev->setup->driver);
	snprintf(path, sizeof(path), "/sys/bus/platform/devices/%s", dev->name);
	if (access(path, F_OK))
		return -ENODEV;
	strncat(path, "/driver", sizeof(path) - strlen(path) - 1);
	if (access(path, F_OK))
		vb2f_bind(dev, true);
	do {
		ret = find_video(dev);
		vb2f_sleep_us(10000);
	} while (ret && vb2f_now() < end);

	return ret;
}

/* Whether vim2m is multi-planar is decided when it is bound. */
static int set_mplane(struct vb2f *dev)
{
	int ret;

	ret = vb2f_write("/sys/module/vim2m/parameters/multiplanar",
			 dev->setup->mplane ? "2" : "1");
	if (ret)
		return ret;
	close(dev->fd);
	dev->fd = -1;
	ret = vb2f_bind(dev, false);
	if (ret)
		return ret;
	ret = find_device(dev);
	if (ret)
		return ret;
	return dev->mplane == dev->setup->mplane ? 0 : -EINVAL;
}

static int set_format(struct vb2f *dev, __u32 type, __u32 fourcc)
{
	struct v4l2_pix_format_mplane *mp;
	struct v4l2_format f = { .type = type };
	int p;
	int ret;

	if (dev->mplane) {
		mp = &f.fmt.pix_mp;
		mp->width = dev->setup->width;
		mp->height = dev->setup->height;
		mp->pixelformat = fourcc;
		mp->num_planes = 1;
		if (dev->decoder && V4L2_TYPE_IS_OUTPUT(type))
			mp->plane_fmt[0].sizeimage = 4096;	/* bitstream */
	} else {
		f.fmt.pix.width = dev->setup->width;
		f.fmt.pix.height = dev->setup->height;
		f.fmt.pix.pixelformat = fourcc;
	}

	ret = vb2f_ioctl(dev->fd, VIDIOC_S_FMT, &f);
	if (ret)
		return ret;

	if (!dev->mplane) {
		if (f.fmt.pix.pixelformat != fourcc)
			return -EINVAL;
		if (V4L2_TYPE_IS_OUTPUT(type)) {
			dev->out_size = f.fmt.pix.sizeimage;
		} else {
			dev->nplanes = 1;
			dev->size[0] = f.fmt.pix.sizeimage;
		}
		return 0;
	}

	if (mp->pixelformat != fourcc || mp->num_planes > VB2F_MAX_PLANES)
		return -EINVAL;
	if (V4L2_TYPE_IS_OUTPUT(type)) {
		dev->out_size = mp->plane_fmt[0].sizeimage;
		return 0;
	}
	dev->nplanes = mp->num_planes;
	for (p = 0; p < mp->num_planes; p++)
		dev->size[p] = mp->plane_fmt[p].sizeimage;
	return 0;
}

const char *vb2f_missing(int err)
{
	const char *strict = getenv("VB2_FENCES_STRICT");

	if (strict && atoi(strict))
		return NULL;

	switch (err) {
	case -ENODEV:
		return "no such device (module missing, or not root?)";
	case -EOPNOTSUPP:
		return "no V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES";
	case -ENOENT:
		return "no /dev/dma_heap/system or /dev/udmabuf";
	case -ENXIO:
		return "no fault injection (failslab, fail-nth)";
	default:
		return NULL;
	}
}

static void set_types(struct vb2f *dev)
{
	dev->out_type = dev->mplane ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE :
				      V4L2_BUF_TYPE_VIDEO_OUTPUT;
	dev->cap_type = dev->mplane ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE :
				      V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static int open_device(struct vb2f *dev, const struct vb2f_setup *setup,
		       bool fenced)
{
	int i;
	int ret;

	memset(dev, 0, sizeof(*dev));
	dev->setup = setup;
	dev->ops = setup->ops;
	dev->fd = -1;
	dev->media_fd = -1;
	dev->decoder = !strcmp(setup->driver, "visl");
	for (i = 0; i < VB2F_MAX_BUFS; i++)
		dev->req[i] = -1;
	snprintf(dev->name, sizeof(dev->name), "%s.0", setup->driver);

	ret = dev->ops ? dev->ops->open(dev) : find_device(dev);
	if (ret)
		return ret;

	if (!dev->ops)
		set_types(dev);
	ret = vb2f_reqbufs(dev, dev->cap_type, V4L2_MEMORY_MMAP, 0,
			   &dev->cap_caps);
	if (ret)
		goto err;
	if (fenced &&
	    !(dev->cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES)) {
		ret = -EOPNOTSUPP;
		goto err;
	}
	if (dev->ops)
		return 0;

	if (!dev->decoder && dev->mplane != setup->mplane) {
		ret = set_mplane(dev);
		if (ret)
			goto err;
		set_types(dev);
	}
	if (setup->requests) {
		ret = find_media(dev);
		if (ret)
			goto err;
	}

	ret = set_format(dev, dev->out_type, dev->decoder ?
			 V4L2_PIX_FMT_FWHT_STATELESS : setup->fourcc);
	if (!ret)
		ret = set_format(dev, dev->cap_type, setup->fourcc);
	if (!ret)
		return 0;
err:
	vb2f_close(dev);
	return ret;
}

int vb2f_open(struct vb2f *dev, const struct vb2f_setup *setup)
{
	return open_device(dev, setup, true);
}

int vb2f_open_any(struct vb2f *dev, const struct vb2f_setup *setup)
{
	return open_device(dev, setup, false);
}

int vb2f_reqbufs(struct vb2f *dev, __u32 type, __u32 memory,
		 int count, __u32 *caps)
{
	struct v4l2_requestbuffers rb = {
		.count = count,
		.type = type,
		.memory = memory,
	};
	int ret;

	ret = vb2f_ioctl(dev->fd, VIDIOC_REQBUFS, &rb);
	if (ret)
		return ret;
	if (caps)
		*caps = rb.capabilities;
	return rb.count;
}

int vb2f_expbuf(struct vb2f *dev, int i, int plane)
{
	struct v4l2_exportbuffer eb = {
		.type = dev->cap_type,
		.index = i,
		.plane = plane,
		.flags = O_RDWR | O_CLOEXEC,
	};
	int ret;

	ret = vb2f_ioctl(dev->fd, VIDIOC_EXPBUF, &eb);
	return ret ?: eb.fd;
}

static size_t page_align(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static int alloc_heap(size_t size)
{
	struct dma_heap_allocation_data data = {
		.len = page_align(size),
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int heap, ret;

	heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	if (heap < 0)
		return -ENOENT;
	ret = vb2f_ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data);
	close(heap);
	return ret ?: (int)data.fd;
}

static int alloc_udmabuf(size_t size)
{
	struct udmabuf_create create = {
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = page_align(size),
	};
	int dev, memfd, ret;

	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -ENOENT;
	memfd = memfd_create("vb2-fences", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (memfd < 0 || ftruncate(memfd, create.size) ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK)) {
		ret = -errno;
	} else {
		create.memfd = memfd;
		ret = vb2f_ioctl(dev, UDMABUF_CREATE, &create);
	}
	if (memfd >= 0)
		close(memfd);
	close(dev);
	return ret;
}

int vb2f_alloc_dmabuf(enum vb2f_memory memory, size_t size)
{
	return memory == VB2F_UDMABUF ? alloc_udmabuf(size) : alloc_heap(size);
}

int vb2f_map_buf(const struct vb2f *dev, struct vb2f_buf *buf)
{
	int p;
	void *map;

	for (p = 0; p < dev->nplanes; p++) {
		map = mmap(NULL, dev->size[p], PROT_READ | PROT_WRITE,
			   MAP_SHARED | (buf->fd[p] < 0 ? MAP_ANONYMOUS : 0),
			   buf->fd[p], 0);
		if (map == MAP_FAILED)
			return -errno;
		buf->map[p] = map;
	}
	return 0;
}

void vb2f_drop_buf(const struct vb2f *dev, struct vb2f_buf *buf)
{
	int p;

	for (p = 0; p < dev->nplanes; p++) {
		if (buf->map[p])
			munmap(buf->map[p], dev->size[p]);
		if (buf->fd[p] >= 0)
			close(buf->fd[p]);
		buf->map[p] = NULL;
		buf->fd[p] = -1;
	}
}

static int alloc_out(struct vb2f *dev, int count)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;
	int ret, err, i;
	void *map;

	ret = vb2f_reqbufs(dev, dev->out_type, V4L2_MEMORY_MMAP, count, NULL);
	if (ret < 0)
		return ret;
	if (ret > VB2F_MAX_BUFS)
		return -ENOBUFS;
	for (i = 0; i < ret; i++) {
		vb2f_init_buf(dev, &b, planes, false, i);
		err = vb2f_ioctl(dev->fd, VIDIOC_QUERYBUF, &b);
		if (err)
			return err;
		map = mmap(NULL, dev->out_size, PROT_READ | PROT_WRITE,
			   MAP_SHARED, dev->fd,
			   dev->mplane ? planes[0].m.mem_offset : b.m.offset);
		if (map == MAP_FAILED)
			return -errno;
		dev->out[i] = map;
		dev->nout = i + 1;
	}
	return 0;
}

static int alloc_import(struct vb2f *dev, size_t size)
{
	if (dev->ops)
		return dev->ops->alloc_dmabuf(dev, size);
	return vb2f_alloc_dmabuf(dev->setup->memory, size);
}

static int alloc_cap(struct vb2f *dev, int count)
{
	enum vb2f_memory memory = dev->setup->memory;
	int p;
	int ret, i, fd;

	dev->cap_memory = memory == VB2F_MMAP ? V4L2_MEMORY_MMAP :
			  memory == VB2F_USERPTR ? V4L2_MEMORY_USERPTR :
						   V4L2_MEMORY_DMABUF;
	ret = vb2f_reqbufs(dev, dev->cap_type, dev->cap_memory, count, NULL);
	if (ret < 0)
		return ret;
	if (ret > VB2F_MAX_BUFS)
		return -ENOBUFS;
	count = ret;
	for (i = 0; i < (int)count; i++) {
		for (p = 0; p < VB2F_MAX_PLANES; p++)
			dev->cap[i].fd[p] = -1;
		dev->ncap = i + 1;
		for (p = 0; p < dev->nplanes && memory != VB2F_USERPTR; p++) {
			fd = memory == VB2F_MMAP ?
				vb2f_expbuf(dev, i, p) :
				alloc_import(dev, dev->size[p]);
			if (fd < 0)
				return fd;
			dev->cap[i].fd[p] = fd;
		}
		ret = vb2f_map_buf(dev, &dev->cap[i]);
		if (ret)
			return ret;
	}
	return 0;
}

int vb2f_alloc(struct vb2f *dev, int nout, int ncap)
{
	int ret;

	ret = alloc_out(dev, nout);
	if (!ret)
		ret = alloc_cap(dev, ncap);
	if (ret)
		vb2f_close(dev);
	return ret;
}

/* A mapping keeps the file open, and so the context alive */
void vb2f_drop_out(struct vb2f *dev)
{
	int i;

	for (i = 0; i < dev->nout; i++) {
		munmap(dev->out[i], dev->out_size);
		dev->out[i] = NULL;
	}
	dev->nout = 0;
}

void vb2f_close(struct vb2f *dev)
{
	int i;

	if (dev->ops)
		dev->ops->close(dev);
	if (dev->decoder)
		vb2f_write(VISL_TRANSTIME, "0");	/* the default */
	vb2f_drop_out(dev);
	for (i = 0; i < VB2F_MAX_BUFS; i++) {
		if (dev->req[i] >= 0)
			close(dev->req[i]);
		dev->req[i] = -1;
	}
	for (i = 0; i < dev->ncap; i++)
		vb2f_drop_buf(dev, &dev->cap[i]);
	dev->ncap = 0;
	if (dev->media_fd >= 0)
		close(dev->media_fd);
	if (dev->fd >= 0)
		close(dev->fd);
	dev->media_fd = -1;
	dev->fd = -1;
}

int vb2f_set_ctrl(struct vb2f *dev, __u32 id, int value)
{
	struct v4l2_control ctrl = { .id = id, .value = value };

	return vb2f_ioctl(dev->fd, VIDIOC_S_CTRL, &ctrl);
}

int vb2f_set_job_ms(struct vb2f *dev, int ms)
{
	char text[16];

	if (dev->ops)
		return dev->ops->set_job_ms(dev, ms);
	if (!dev->decoder)
		return vb2f_set_ctrl(dev, VB2F_CID_TRANS_TIME_MSEC, ms);

	snprintf(text, sizeof(text), "%u", ms);
	return vb2f_write(VISL_TRANSTIME, text);
}

int vb2f_stream(struct vb2f *dev, bool on)
{
	unsigned long request = on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF;
	int ret;

	ret = vb2f_ioctl(dev->fd, request, &dev->out_type);
	return ret ?: vb2f_ioctl(dev->fd, request, &dev->cap_type);
}

/*
 * Buffers in and out
 */

void vb2f_init_buf(const struct vb2f *dev, struct v4l2_buffer *b,
		   struct v4l2_plane *planes, bool capture, int i)
{
	const struct vb2f_buf *buf = &dev->cap[i];
	int p, nplanes = capture ? dev->nplanes : 1;

	memset(b, 0, sizeof(*b));
	memset(planes, 0, VB2F_MAX_PLANES * sizeof(*planes));
	b->index = i;
	b->field = V4L2_FIELD_NONE;
	b->type = capture ? dev->cap_type : dev->out_type;
	b->memory = capture ? dev->cap_memory : V4L2_MEMORY_MMAP;

	for (p = 0; p < nplanes; p++) {
		if (!capture) {
			planes[p].length = dev->out_size;
			planes[p].bytesused = dev->out_size;
			continue;
		}
		planes[p].length = dev->size[p];
		if (b->memory == V4L2_MEMORY_DMABUF)
			planes[p].m.fd = buf->fd[p];
		if (b->memory == V4L2_MEMORY_USERPTR)
			planes[p].m.userptr = (unsigned long)buf->map[p];
	}

	if (dev->mplane) {
		b->m.planes = planes;
		b->length = capture ? dev->nplanes : 1;
		return;
	}
	b->length = planes[0].length;
	b->bytesused = planes[0].bytesused;
	if (b->memory == V4L2_MEMORY_DMABUF)
		b->m.fd = planes[0].m.fd;
	if (b->memory == V4L2_MEMORY_USERPTR)
		b->m.userptr = planes[0].m.userptr;
}

int vb2f_qcap(struct vb2f *dev, int i)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;

	vb2f_init_buf(dev, &b, planes, true, i);
	return vb2f_ioctl(dev->fd, VIDIOC_QBUF, &b);
}

static int get_request(struct vb2f *dev, int i)
{
	int ret;

	if (dev->req[i] < 0)
		return vb2f_ioctl(dev->media_fd, MEDIA_IOC_REQUEST_ALLOC,
			      &dev->req[i]);

	/* The request completes a little later than its buffer */
	ret = vb2f_poll(dev->req[i], POLLPRI, VB2F_TIMEOUT_MS);
	if (ret <= 0)
		return ret ?: -ETIMEDOUT;
	return vb2f_ioctl(dev->req[i], MEDIA_REQUEST_IOC_REINIT, NULL);
}

int vb2f_qout(struct vb2f *dev, int i, int stamp,
	      __u32 flags)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;
	int ret;

	if (dev->ops)
		return dev->ops->qout(dev, i, stamp, flags);

	vb2f_init_buf(dev, &b, planes, false, i);
	b.timestamp.tv_usec = stamp;
	b.flags = flags;
	if (!dev->setup->requests)
		return vb2f_ioctl(dev->fd, VIDIOC_QBUF, &b);

	ret = get_request(dev, i);
	if (ret)
		return ret;
	b.flags |= V4L2_BUF_FLAG_REQUEST_FD;
	b.request_fd = dev->req[i];
	ret = vb2f_ioctl(dev->fd, VIDIOC_QBUF, &b);
	return ret ?: vb2f_ioctl(dev->req[i], MEDIA_REQUEST_IOC_QUEUE, NULL);
}

int vb2f_dq(struct vb2f *dev, bool capture, struct v4l2_buffer *b)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	__u64 end = deadline();
	struct v4l2_buffer tmp;
	int ret;

	for (;;) {
		vb2f_init_buf(dev, &tmp, planes, capture, 0);
		ret = vb2f_ioctl(dev->fd, VIDIOC_DQBUF, &tmp);
		if (ret != -EAGAIN)
			break;
		if (vb2f_now() > end)
			return -ETIMEDOUT;
		vb2f_sleep_us(1000);
	}
	if (b)
		*b = tmp;
	return ret ?: (int)tmp.index;
}

/*
 * Frames. vim2m copies from OUTPUT to CAPTURE, so that the whole frame is
 * known beforehand; visl draws a test picture.
 */

static __u32 pattern(unsigned int seed, size_t i)
{
	return (seed + 1) * 2654435761u + i * 40503u;
}

void vb2f_fill_out(struct vb2f *dev, int i, unsigned int seed)
{
	__u32 *out = dev->out[i];
	size_t n;

	if (dev->ops) {
		dev->ops->fill_out(dev, i, seed);
		return;
	}
	for (n = 0; n < dev->out_size / sizeof(*out); n++)
		out[n] = pattern(seed, n);
}

void vb2f_wipe(const struct vb2f *dev, struct vb2f_buf *buf)
{
	int p;

	for (p = 0; p < dev->nplanes; p++)
		memset(buf->map[p], VB2F_WIPED, dev->size[p]);
}

bool vb2f_is_wiped(const struct vb2f *dev, const struct vb2f_buf *buf)
{
	const __u8 *byte;
	int p;

	if (dev->ops)
		return dev->ops->is_wiped(dev, buf);
	for (p = 0; p < dev->nplanes; p++) {
		byte = buf->map[p];
		if (byte[0] != VB2F_WIPED ||
		    memcmp(byte, byte + 1, dev->size[p] - 1))
			return false;
	}
	return true;
}

bool vb2f_is_drawn(const struct vb2f *dev, const struct vb2f_buf *buf,
		   unsigned int seed)
{
	const __u32 *word = buf->map[0];
	int p;
	size_t n;

	if (dev->ops)
		return dev->ops->is_drawn(dev, buf, seed);
	if (dev->decoder) {
		for (p = 0; p < dev->nplanes; p++)
			if (memchr(buf->map[p], VB2F_WIPED, dev->size[p]))
				return false;
		return true;
	}

	for (n = 0; n < dev->size[0] / sizeof(*word); n++)
		if (word[n] != pattern(seed, n))
			return false;
	return true;
}

/*
 * dma-bufs and sync_files
 */

/* Returns the events, 0 after a time-out. */
int vb2f_poll(int fd, short events, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int ret;

	do {
		ret = poll(&pfd, 1, ms);
	} while (ret < 0 && errno == EINTR);

	return ret < 0 ? -errno : pfd.revents;
}

int vb2f_export(int dmabuf, __u32 flags)
{
	struct dma_buf_export_sync_file arg = { .flags = flags, .fd = -1 };
	int ret;

	ret = vb2f_ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg);
	return ret ?: arg.fd;
}

int vb2f_info(int sync, struct vb2f_info *info)
{
	struct sync_file_info arg = {
		.num_fences = VB2F_MAX_FENCES,
		.sync_fence_info = (unsigned long)info->fence,
	};
	int ret;

	memset(info, 0, sizeof(*info));
	ret = vb2f_ioctl(sync, SYNC_IOC_FILE_INFO, &arg);
	info->status = arg.status;
	info->num = arg.num_fences;
	return ret;
}

int vb2f_status(int sync)
{
	struct vb2f_info info;
	int ret;

	ret = vb2f_info(sync, &info);
	return ret ?: info.status;
}

int vb2f_dmabuf_status(int dmabuf)
{
	int sync = vb2f_export(dmabuf, DMA_BUF_SYNC_READ);
	int ret;

	if (sync < 0)
		return sync;
	ret = vb2f_status(sync);
	close(sync);
	return ret;
}

int vb2f_merge(int a, int b)
{
	struct sync_merge_data arg = { .name = "vb2-fences", .fd2 = b };
	int ret;

	ret = vb2f_ioctl(a, SYNC_IOC_MERGE, &arg);
	return ret ?: arg.fence;
}

static bool is_done(const struct vb2f *dev, int i)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;

	vb2f_init_buf(dev, &b, planes, true, i);
	return !vb2f_ioctl(dev->fd, VIDIOC_QUERYBUF, &b) &&
	       b.flags & V4L2_BUF_FLAG_DONE;
}

/*
 * Returns a sync_file with the active fence of CAPTURE buffer @i; -EAGAIN if
 * that buffer is finished already.
 */
int vb2f_wait_active(const struct vb2f *dev, int i)
{
	__u64 end = deadline();
	int sync, status;
	bool done;

	do {
		done = is_done(dev, i);
		sync = vb2f_export(dev->cap[i].fd[0], DMA_BUF_SYNC_READ);
		if (sync < 0)
			return sync;
		status = vb2f_status(sync);
		if (!status)
			return sync;
		close(sync);
		if (status < 0)
			return status;
		if (done)
			return -EAGAIN;
		vb2f_sleep_us(500);
	} while (vb2f_now() < end);

	return -ETIMEDOUT;
}

#define BUFINFO "/sys/kernel/debug/dma_buf/bufinfo"

int vb2f_debug_fences(int dmabuf, __u64 *context, __u64 *seqno)
{
	unsigned long long c, s, newest = 0;
	unsigned long ino;
	bool ours = false;
	struct stat st;
	char line[512];
	int count = 0;
	FILE *f;

	if (fstat(dmabuf, &st))
		return -errno;
	f = fopen(BUFINFO, "re");
	if (!f)
		return -ENOENT;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*u\t%*x\t%*x\t%*d\t%*s\t%lu", &ino) == 1)
			ours = ino == st.st_ino;
		if (!ours ||
		    sscanf(line, "\t%*s fence:%llu:%llu", &c, &s) != 2)
			continue;
		count++;
		if (context)
			*context = c;
		if (s > newest)
			newest = s;
	}
	fclose(f);
	if (seqno)
		*seqno = newest;
	return count;
}

int vb2f_debug_dmabufs(void)
{
	char line[512];
	int count = -EIO;
	FILE *f;

	f = fopen(BUFINFO, "re");
	if (!f)
		return -ENOENT;
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Total %d objects", &count);
	fclose(f);
	return count;
}

/*
 * One job
 */

int vb2f_job_queue(struct vb2f *dev, int ms, struct vb2f_job *job)
{
	static unsigned int seed;
	int ret;

	memset(job, 0, sizeof(*job));
	job->sync = -1;
	job->seed = ++seed;
	vb2f_wipe(dev, &dev->cap[0]);
	vb2f_fill_out(dev, 0, job->seed);
	ret = vb2f_set_job_ms(dev, ms);
	if (!ret)
		ret = vb2f_qcap(dev, 0);
	job->queued = vb2f_now();
	return ret ?: vb2f_qout(dev, 0, job->seed, 0);
}

int vb2f_job_start(struct vb2f *dev, int ms, struct vb2f_job *job)
{
	int ret;

	ret = vb2f_job_queue(dev, ms, job);
	if (ret)
		return ret;
	ret = vb2f_wait_active(dev, 0);
	job->seen = vb2f_now();
	if (ret >= 0) {
		job->sync = ret;
		return 0;
	}
	if (ret == -EAGAIN && vb2f_dq(dev, true, NULL) >= 0 &&
	    vb2f_dq(dev, false, NULL) >= 0)
		return -EAGAIN;
	return ret == -EAGAIN ? -EIO : ret;
}

int vb2f_job_wait(struct vb2f_job *job)
{
	struct vb2f_info info;
	int ret;

	ret = vb2f_poll(job->sync, POLLIN, VB2F_TIMEOUT_MS);
	job->woken = vb2f_now();
	if (ret <= 0)
		return ret ?: -ETIMEDOUT;
	ret = vb2f_info(job->sync, &info);
	if (ret)
		return ret;
	job->status = info.status;
	job->signaled = info.fence[0].timestamp_ns;
	return 0;
}

int vb2f_job_finish(struct vb2f *dev, struct vb2f_job *job)
{
	struct v4l2_buffer b;
	int ret;

	ret = vb2f_job_wait(job);
	if (ret)
		return ret;
	ret = vb2f_dq(dev, true, &b);
	if (ret < 0)
		return ret;
	job->failed = b.flags & V4L2_BUF_FLAG_ERROR;
	ret = vb2f_dq(dev, false, NULL);
	return ret < 0 ? ret : 0;
}

/*
 * Other processes
 */

int vb2f_send(int sock, const void *data, size_t len, const int *fds,
	      int nfds)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = {};
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (nfds) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -EIO;
}

int vb2f_recv(int sock, void *data, size_t len, int *fds, int nfds)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = {};
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (vb2f_poll(sock, POLLIN, 2 * VB2F_TIMEOUT_MS) <= 0)
		return -ETIMEDOUT;
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != (ssize_t)len)
		return -EPIPE;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_len == CMSG_LEN(nfds * sizeof(int)))
		memcpy(fds, CMSG_DATA(cmsg), nfds * sizeof(int));
	else
		memset(fds, -1, nfds * sizeof(int));	/* none were sent */
	return 0;
}
