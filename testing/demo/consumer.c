// SPDX-License-Identifier: GPL-2.0
/*
 * What is a consumer told while a V4L2 device writes its buffer?
 *
 * One process drives vim2m or visl, one job at a time. Another process has
 * nothing but the dma-buf of the CAPTURE buffer, and a quarter of a job after
 * the start does with it what a compositor does at commit: ask poll() if it is
 * busy, export a sync_file, wait with the one or the other, and use the frame.
 *
 * Prints one line per frame; testing/demo/run makes a table of several runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/media.h>
#include <linux/sync_file.h>
#include <linux/videodev2.h>

#define WIDTH		640
#define HEIGHT		480
#define MSEC		1000000LL
#define TIMEOUT_MS	20000
/* The drivers count ticks: under load, a job of N ms can be a few shorter. */
#define AT_LEAST(ms)	((ms) * MSEC * 3 / 4)
#define MAX_TRIES	5

static const struct setup {
	const char *name;
	const char *driver;
	bool heap;		/* import from a dma-heap, or else MMAP and EXPBUF */
	uint32_t coded;		/* OUTPUT format */
	uint32_t decoded;	/* CAPTURE format */
} setups[] = {
	{ "vim2m, exported buffer (MMAP, EXPBUF)", "vim2m", false,
	  V4L2_PIX_FMT_RGB24, V4L2_PIX_FMT_RGB24 },
	{ "vim2m, imported buffer (dma-heap)", "vim2m", true,
	  V4L2_PIX_FMT_RGB24, V4L2_PIX_FMT_RGB24 },
	{ "visl with requests, exported buffer", "visl", false,
	  V4L2_PIX_FMT_FWHT_STATELESS, V4L2_PIX_FMT_NV12 },
};

struct order {			/* to the consumer, with the dma-buf */
	int64_t look_at;
	uint32_t size;
	uint32_t seed;
	bool known;		/* the frame is pattern(seed) */
	bool use_poll;		/* wait with poll(), or else with the sync_file */
};

struct report {			/* and back */
	int64_t began;
	int64_t looked;
	int64_t woken;
	uint32_t right;		/* bytes of the frame */
	int busy;
	int status;		/* of the fence: 0 is active, 1 signalled */
	char fence[80];
};

static void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "consumer: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	exit(1);
}

static void xioctl(int fd, unsigned long request, void *arg, const char *what)
{
	if (ioctl(fd, request, arg))
		die("%s: %s", what, strerror(errno));
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 * MSEC + ts.tv_nsec;
}

static bool wait_for(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int ret = poll(&p, 1, ms);

	if (ret < 0 || p.revents & (POLLERR | POLLNVAL))
		die("poll: %s", ret < 0 ? strerror(errno) : "error");
	return ret;
}

/* Never 0, which is what a buffer holds before the device writes it */
static uint8_t pattern(uint32_t seed, uint32_t i)
{
	return 1 + (seed * 31 + i * 7) % 255;
}

static void *map(int fd, uint32_t size, int prot, int64_t offset)
{
	void *mem = mmap(NULL, size, prot, MAP_SHARED, fd, offset);

	if (mem == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	return mem;
}

/*
 * The consumer
 */

static void cpu_access(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	xioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync, "DMA_BUF_IOCTL_SYNC");
}

static void copy_frame(int dmabuf, void *to, const void *from, uint32_t size)
{
	cpu_access(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	memcpy(to, from, size);
	cpu_access(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
}

static void ask_fence(int sync, struct report *r)
{
	struct sync_fence_info fence = {};
	struct sync_file_info info = {
		.num_fences = 1,
		.sync_fence_info = (uintptr_t)&fence,
	};

	xioctl(sync, SYNC_IOC_FILE_INFO, &info, "SYNC_IOC_FILE_INFO");
	r->status = info.status;
	if (strcmp(fence.driver_name, fence.obj_name))
		snprintf(r->fence, sizeof(r->fence), "%s, %s",
			 fence.driver_name, fence.obj_name);
	else
		snprintf(r->fence, sizeof(r->fence), "%s", fence.obj_name);
}

static void consume(int sock, const struct order *o, int dmabuf)
{
	struct dma_buf_export_sync_file export = { .flags = DMA_BUF_SYNC_READ };
	struct timespec at = {
		.tv_sec = o->look_at / (1000 * MSEC),
		.tv_nsec = o->look_at % (1000 * MSEC),
	};
	uint8_t *frame = map(dmabuf, o->size, PROT_READ, 0);
	uint8_t *seen = calloc(2, o->size), *final = seen + o->size;
	struct report r = {};
	uint32_t i;
	char done;

	if (!seen)
		die("no memory");
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);

	r.began = now();
	r.busy = !wait_for(dmabuf, POLLIN, 0);
	xioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export, "EXPORT_SYNC_FILE");
	ask_fence(export.fd, &r);
	r.looked = now();

	if (!wait_for(o->use_poll ? dmabuf : export.fd, POLLIN, TIMEOUT_MS))
		die("a frame never became ready");
	r.woken = now();
	copy_frame(dmabuf, seen, frame, o->size);

	/* What the frame is to be is certain when the driver has given it back. */
	if (read(sock, &done, 1) != 1)
		exit(1);
	copy_frame(dmabuf, final, frame, o->size);
	for (i = 0; i < o->size; i++) {
		if (final[i] == 0 || (o->known && final[i] != pattern(o->seed, i)))
			die("the device wrote a wrong frame (byte %u)", i);
		r.right += seen[i] == final[i];
	}
	if (write(sock, &r, sizeof(r)) != sizeof(r))
		die("cannot report: %s", strerror(errno));

	munmap(frame, o->size);
	free(seen);
	close(export.fd);
	close(dmabuf);
}

static void consumer(int sock)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct order o;
	struct iovec iov = { .iov_base = &o, .iov_len = sizeof(o) };
	int fd;

	for (;;) {
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};

		if (recvmsg(sock, &msg, 0) != sizeof(o) || !CMSG_FIRSTHDR(&msg))
			exit(1);
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		consume(sock, &o, fd);
	}
}

/*
 * The producer
 */

struct producer {
	const struct setup *setup;
	int video;
	int media;		/* -1: no requests */
	bool mplane;
	uint32_t out_size;
	uint32_t size;
	uint8_t *out;
	uint8_t *frame;
	int dmabuf;
	int request;
	int consumer;
};

static uint32_t buf_type(const struct producer *p, bool capture)
{
	if (p->mplane)
		return capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE :
				 V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
	return capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
}

static int find_video(struct producer *p)
{
	struct v4l2_capability cap;
	char path[32];
	int i, fd;

	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/video%d", i);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!ioctl(fd, VIDIOC_QUERYCAP, &cap) &&
		    !strcmp((char *)cap.driver, p->setup->driver)) {
			p->mplane = cap.device_caps & V4L2_CAP_VIDEO_M2M_MPLANE;
			return fd;
		}
		close(fd);
	}
	die("no device of the driver %s; run: modprobe %s", p->setup->driver,
	    p->setup->driver);
	return -1;
}

static int find_media(struct producer *p)
{
	struct media_device_info info;
	char path[32];
	int i, fd;

	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/media%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!ioctl(fd, MEDIA_IOC_DEVICE_INFO, &info) &&
		    !strcmp(info.driver, p->setup->driver))
			return fd;
		close(fd);
	}
	die("no media device of the driver %s", p->setup->driver);
	return -1;
}

static uint32_t set_format(const struct producer *p, bool capture)
{
	uint32_t format = capture ? p->setup->decoded : p->setup->coded;
	struct v4l2_format f = { .type = buf_type(p, capture) };
	struct v4l2_pix_format_mplane *mp = &f.fmt.pix_mp;
	uint32_t got, size;

	if (p->mplane) {
		mp->width = WIDTH;
		mp->height = HEIGHT;
		mp->pixelformat = format;
		mp->num_planes = 1;
		mp->plane_fmt[0].sizeimage = capture ? 0 : 4096;
	} else {
		f.fmt.pix.width = WIDTH;
		f.fmt.pix.height = HEIGHT;
		f.fmt.pix.pixelformat = format;
	}
	xioctl(p->video, VIDIOC_S_FMT, &f, "VIDIOC_S_FMT");
	got = p->mplane ? mp->pixelformat : f.fmt.pix.pixelformat;
	size = p->mplane ? mp->plane_fmt[0].sizeimage : f.fmt.pix.sizeimage;
	if (got != format || !size)
		die("%s refuses the format", p->setup->driver);
	return size;
}

static void init_buf(const struct producer *p, bool capture, struct v4l2_buffer *b,
		     struct v4l2_plane *plane)
{
	uint32_t size = capture ? p->size : p->out_size;
	bool import = capture && p->setup->heap;

	memset(b, 0, sizeof(*b));
	memset(plane, 0, sizeof(*plane));
	b->type = buf_type(p, capture);
	b->memory = import ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP;
	b->field = V4L2_FIELD_NONE;
	if (p->mplane) {
		b->m.planes = plane;
		b->length = 1;
		plane->length = size;
		plane->bytesused = capture ? 0 : size;
		if (import)
			plane->m.fd = p->dmabuf;
	} else {
		b->length = size;
		b->bytesused = capture ? 0 : size;
		if (import)
			b->m.fd = p->dmabuf;
	}
}

static void request_buffer(const struct producer *p, bool capture)
{
	struct v4l2_requestbuffers rb = {
		.count = 1,
		.type = buf_type(p, capture),
		.memory = capture && p->setup->heap ? V4L2_MEMORY_DMABUF :
						      V4L2_MEMORY_MMAP,
	};

	xioctl(p->video, VIDIOC_REQBUFS, &rb, "VIDIOC_REQBUFS");
}

static int get_dmabuf(const struct producer *p)
{
	struct v4l2_exportbuffer eb = {
		.type = buf_type(p, true),
		.flags = O_RDWR | O_CLOEXEC,
	};
	struct dma_heap_allocation_data data = {
		.len = p->size,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int heap;

	if (!p->setup->heap) {
		xioctl(p->video, VIDIOC_EXPBUF, &eb, "VIDIOC_EXPBUF");
		return eb.fd;
	}
	heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	if (heap < 0)
		die("/dev/dma_heap/system: %s", strerror(errno));
	xioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data, "DMA_HEAP_IOCTL_ALLOC");
	close(heap);
	return data.fd;
}

static void start(struct producer *p)
{
	struct v4l2_plane plane;
	struct v4l2_buffer b;
	uint32_t type;

	p->video = find_video(p);
	p->media = p->setup->coded == p->setup->decoded ? -1 : find_media(p);
	p->out_size = set_format(p, false);
	p->size = set_format(p, true);
	request_buffer(p, false);
	request_buffer(p, true);
	init_buf(p, false, &b, &plane);
	xioctl(p->video, VIDIOC_QUERYBUF, &b, "VIDIOC_QUERYBUF");
	p->out = map(p->video, p->out_size, PROT_READ | PROT_WRITE,
		     p->mplane ? plane.m.mem_offset : b.m.offset);
	p->dmabuf = get_dmabuf(p);
	p->frame = map(p->dmabuf, p->size, PROT_READ | PROT_WRITE, 0);
	type = buf_type(p, false);
	xioctl(p->video, VIDIOC_STREAMON, &type, "VIDIOC_STREAMON");
	type = buf_type(p, true);
	xioctl(p->video, VIDIOC_STREAMON, &type, "VIDIOC_STREAMON");
	if (p->media >= 0)
		xioctl(p->media, MEDIA_IOC_REQUEST_ALLOC, &p->request,
		       "MEDIA_IOC_REQUEST_ALLOC");
}

static void stop(struct producer *p)
{
	munmap(p->out, p->out_size);
	munmap(p->frame, p->size);
	close(p->dmabuf);
	close(p->video);
	if (p->media >= 0) {
		close(p->request);
		close(p->media);
	}
}

/* A stock visl does the whole job in the ioctl that queues the request. */
static void queue(const struct producer *p)
{
	struct v4l2_plane plane;
	struct v4l2_buffer b;

	init_buf(p, true, &b, &plane);
	xioctl(p->video, VIDIOC_QBUF, &b, "VIDIOC_QBUF (CAPTURE)");
	init_buf(p, false, &b, &plane);
	if (p->media >= 0) {
		b.flags |= V4L2_BUF_FLAG_REQUEST_FD;
		b.request_fd = p->request;
	}
	xioctl(p->video, VIDIOC_QBUF, &b, "VIDIOC_QBUF (OUTPUT)");
	if (p->media >= 0)
		xioctl(p->request, MEDIA_REQUEST_IOC_QUEUE, NULL,
		       "MEDIA_REQUEST_IOC_QUEUE");
}

static void dequeue(const struct producer *p)
{
	struct v4l2_plane plane;
	struct v4l2_buffer b;
	int capture;

	for (capture = 1; capture >= 0; capture--) {
		if (!wait_for(p->video, capture ? POLLIN : POLLOUT, TIMEOUT_MS))
			die("a buffer never came back");
		init_buf(p, capture, &b, &plane);
		xioctl(p->video, VIDIOC_DQBUF, &b, "VIDIOC_DQBUF");
		if (b.flags & V4L2_BUF_FLAG_ERROR)
			die("a job failed");
	}
	if (p->media < 0)
		return;
	if (!wait_for(p->request, POLLPRI, TIMEOUT_MS))
		die("a request never completed");
	xioctl(p->request, MEDIA_REQUEST_IOC_REINIT, NULL,
	       "MEDIA_REQUEST_IOC_REINIT");
}

static void send_order(const struct producer *p, const struct order *o)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = (void *)o, .iov_len = sizeof(*o) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &p->dmabuf, sizeof(int));
	if (sendmsg(p->consumer, &msg, 0) != sizeof(*o))
		die("the consumer is gone");
}

/* False if the consumer came too late to see the job in flight */
static bool one_frame(struct producer *p, int job_ms, int n)
{
	struct order o = {
		.size = p->size,
		.seed = n,
		.known = p->media < 0,
		.use_poll = n % 2,
	};
	int64_t queued, running, done, end;
	struct report r;
	uint32_t i;

	for (i = 0; i < p->out_size; i++)
		p->out[i] = pattern(n, i);
	cpu_access(p->dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	memset(p->frame, 0, p->size);
	cpu_access(p->dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);

	queued = now();
	end = queued + AT_LEAST(job_ms);
	o.look_at = queued + job_ms * MSEC / 4;
	send_order(p, &o);
	queue(p);
	running = now();
	if (!wait_for(p->video, POLLIN, TIMEOUT_MS))
		die("a job never ended");
	done = now();
	dequeue(p);
	if (write(p->consumer, "", 1) != 1 || !wait_for(p->consumer, POLLIN, 2 * TIMEOUT_MS) ||
	    read(p->consumer, &r, sizeof(r)) != sizeof(r))
		die("the consumer is gone");
	if (done < end)
		die("a job of %d ms took only %lld us", job_ms,
		    (long long)(done - queued) / 1000);
	/*
	 * On a machine that is busy it may have looked before the job ran, or too late. (Stock
	 * visl runs the job in the call that queues it.)
	 */
	if ((r.began < running && running < end) || r.looked >= end)
		return false;

	printf("frame\t%s\t%s\t%d\t%d\t%s\t%lld\t%d\t%lld\t%u\t%u\n",
	       p->setup->name, o.use_poll ? "poll" : "sync_file", r.busy, r.status,
	       r.fence, (long long)(r.woken - r.looked) / 1000, r.woken < end,
	       (long long)(done - queued) / 1000, r.right, p->size);
	fflush(stdout);
	return true;
}

int main(int argc, char **argv)
{
	int job_ms = argc == 3 ? atoi(argv[1]) : 0;
	int frames = argc == 3 ? atoi(argv[2]) : 0;
	struct producer p;
	unsigned int s;
	int sock[2], n, tries;
	pid_t pid;

	if (job_ms < 50 || frames < 2) {
		fprintf(stderr, "usage: consumer JOB_MS FRAMES\n"
			"The drivers' jobs must take JOB_MS (50 at least): modprobe vim2m\n"
			"default_transtime=JOB_MS; modprobe visl visl_transtime_ms=JOB_MS\n");
		return 2;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		die("socketpair: %s", strerror(errno));
	/* Forked before any device is open: it never has anything but dma-bufs. */
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(sock[0]);
		consumer(sock[1]);
	}
	close(sock[1]);
	signal(SIGPIPE, SIG_IGN);

	for (s = 0; s < sizeof(setups) / sizeof(*setups); s++) {
		memset(&p, 0, sizeof(p));
		p.setup = &setups[s];
		p.consumer = sock[0];
		start(&p);
		for (n = tries = 0; n < frames; n += one_frame(&p, job_ms, n))
			if (tries++ == MAX_TRIES * frames)
				die("this machine is too slow for jobs of %d ms",
				    job_ms);
		stop(&p);
	}
	return 0;
}
