// SPDX-License-Identifier: GPL-2.0
/*
 * What it takes to hand a frame from the process that owns the V4L2 device to the one that uses
 * the frame: with a message after VIDIOC_DQBUF, or with one at submission and the fence.
 *
 * frames wake MS N WAY...	N frames for each load and way, the ways in turn; prints how long after
 *				the completion in the driver the consumer was awake, or knew that the
 *				frame was on the screen: wake, load, way, nanoseconds
 * frames calls MS N WAY...	N frames for each way, without clocks or anything else that the way
 *				does not need: to be run by strace. In every frame, either process
 *				calls getpgid(-1 - number of the way) once
 *
 * A job takes MS. The ways are those of testing/consumer/ways.c, and:
 *
 *  message	the message comes when the frame is complete
 *  flip	vkms gets the frame at once, and waits for its fence
 *  in-fence	vkms gets the frame at once, and a sync_file in IN_FENCE_FD
 *  flip-late	message, then flip
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <drm_fourcc.h>

#include "../consumer/display.h"
#include "../consumer/program.h"
#include "../consumer/ways.h"

#define BUFS		4
#define WIDTH		128
#define HEIGHT		96
#define REFRESH_US	16667	/* of vkms */

enum load {
	IDLE,
	BUSY,			/* the producer has other work to do */
	LOADED,			/* as many processes as there are processors never sleep */
	NUM_LOADS
};

static const char *const loads[NUM_LOADS] = { "idle", "busy", "loaded" };

struct order {			/* to the consumer */
	int way;
	int index;
};

struct report {			/* and back: it needs the buffer no longer */
	__u64 woken;
};

static const struct vb2f_setup setup = VB2F_VIM2M(VB2F_MMAP, WIDTH, HEIGHT);
static char **names;	/* of the ways */
static bool timed;
static int job_ms;

static bool is_late(const char *way)
{
	return !strcmp(way, "message") || !strcmp(way, "flip-late");
}

static bool is_flip(const char *way)
{
	return !strncmp(way, "flip", 4) || !strcmp(way, "in-fence");
}

/* A call that nobody else makes, and that does nothing */
static void mark(int way)
{
	if (!timed)
		getpgid(-1 - way);
}

/* One call each: the socket has a time-out. */
static void give(int sock, const void *data, size_t len)
{
	if (send(sock, data, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send: %s", strerror(errno));
}

static bool take(int sock, void *data, size_t len)
{
	ssize_t got = recv(sock, data, len, 0);

	if (got && got != (ssize_t)len)
		die("recv: %s", got < 0 ? strerror(errno) : "too short");
	return got;
}

/*
 * The consumer
 */

static void flip(struct display *d, const struct display_fb *fb, int dmabuf, bool explicit)
{
	struct display_flip f = { .fb = fb, .nonblock = true };
	struct display_event event;

	if (explicit)
		f.in_fence = check(vb2f_export(dmabuf, DMA_BUF_SYNC_READ), "EXPORT_SYNC_FILE");
	check(display_commit(d, &f), "a commit");
	if (explicit)
		close(f.in_fence);
	check(display_shown(d, &event, VB2F_TIMEOUT_MS), "a flip");
}

static void consume(int sock, const int *fds)
{
	struct display_layout layout = {
		.fourcc = DRM_FORMAT_RGB565,
		.width = WIDTH,
		.height = HEIGHT,
		.nbufs = 1,
		.size = { 2 * WIDTH * HEIGHT },
		.nplanes = 1,
		.pitch = { 2 * WIDTH },
	};
	struct display_fb fbs[BUFS];
	struct report r = {};
	struct display d;
	bool open = false;
	struct order o;
	const char *way;
	int i;

	for (i = 0; names[i]; i++)
		open |= is_flip(names[i]);
	if (open) {
		check(display_open(&d, WIDTH, HEIGHT), "vkms");
		for (i = 0; i < BUFS; i++)
			check(display_import(&d, &fbs[i], &layout, &fds[i]), "PRIME import");
	}
	give(sock, &r, sizeof(r));

	while (take(sock, &o, sizeof(o))) {
		way = names[o.way];
		mark(o.way);
		if (is_flip(way))
			flip(&d, &fbs[o.index], fds[o.index], !strcmp(way, "in-fence"));
		else if (!is_late(way))
			check(way_find(way)->wait(&fds[o.index], 1), way);
		if (timed)
			r.woken = vb2f_now();
		give(sock, &r, sizeof(r));
	}

	for (i = 0; i < BUFS && open; i++)
		display_drop(&d, &fbs[i]);
	if (open)
		display_close(&d);
}

static pid_t start_consumer(int *sock)
{
	struct timeval limit = { .tv_sec = 2 * VB2F_TIMEOUT_MS / 1000 };
	int fds[BUFS], i;
	pid_t pid;

	/* Before a device is open: it has nothing but the dma-bufs. */
	pid = check(start_peer(sock), "fork");
	if (setsockopt(*sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		die("SO_RCVTIMEO: %s", strerror(errno));
	if (!pid) {
		check(vb2f_recv(*sock, &i, sizeof(i), fds, BUFS), "recv");
		consume(*sock, fds);
		exit(0);
	}
	return pid;
}

/*
 * The producer
 */

/* A quarter of a job at a time, and looks at the device in between */
static void work(const struct vb2f *dev)
{
	__u64 end;

	do {
		end = vb2f_now() + job_ms * 1000000ULL / 4;
		while (vb2f_now() < end)
			;
	} while (!vb2f_poll(dev->fd, POLLIN, 0));
}

/* vb2f_dq() looks at the clock. */
static void dequeue(const struct vb2f *dev, bool capture)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;

	vb2f_init_buf(dev, &b, planes, capture, 0);
	check(vb2f_ioctl(dev->fd, VIDIOC_DQBUF, &b), "VIDIOC_DQBUF");
	if (b.flags & V4L2_BUF_FLAG_ERROR)
		die("a job failed");
}

/* Returns the time from the fence's to the consumer's; -1: the job was over too early. */
static long long one_frame(struct vb2f *dev, int sock, int way, enum load load)
{
	static unsigned int n;
	struct order o = { .way = way, .index = n++ % BUFS };
	bool late = is_late(names[way]);
	struct vb2f_info info;
	struct report r;
	int ref = -1, active = 0;

	/* At any time between two refreshes, or ticks, of which the frame before knows nothing */
	if (timed)
		vb2f_sleep_us(rand() % REFRESH_US);
	mark(way);
	check(vb2f_qcap(dev, o.index), "VIDIOC_QBUF");
	check(vb2f_qout(dev, 0, n, 0), "VIDIOC_QBUF");
	if (timed) {
		ref = check(vb2f_export(dev->cap[o.index].fd[0], DMA_BUF_SYNC_READ),
			    "EXPORT_SYNC_FILE");
		active = !check(vb2f_status(ref), "SYNC_IOC_FILE_INFO");
	}
	if (!late)
		give(sock, &o, sizeof(o));

	if (load == BUSY)
		work(dev);
	else
		check(wait_fd(dev->fd), "a job");
	dequeue(dev, true);
	if (late)
		give(sock, &o, sizeof(o));
	dequeue(dev, false);
	if (!take(sock, &r, sizeof(r)))
		die("the consumer is gone");
	if (!timed)
		return 0;

	check(vb2f_info(ref, &info), "SYNC_IOC_FILE_INFO");
	close(ref);
	if (info.status != 1)
		die("a job has ended, and its fence is %d", info.status);
	return active ? (long long)(r.woken - info.fence[0].timestamp_ns) : -1;
}

static void wake(struct vb2f *dev, int sock, int frames)
{
	int i, load, way, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pid_t hogs[cpus];

	for (load = 0; load < NUM_LOADS; load++) {
		for (i = 0; load == LOADED && i < cpus; i++) {
			hogs[i] = check(start_child(), "fork");
			if (!hogs[i])
				for (;;)
					;
		}
		for (i = 0; i < frames; i++)
			for (way = 0; names[way]; way++)
				printf("wake\t%s\t%s\t%lld\n", loads[load], names[way],
				       one_frame(dev, sock, way, load));
		for (i = 0; load == LOADED && i < cpus; i++) {
			kill(hogs[i], SIGKILL);
			vb2f_wait_child(hogs[i]);
		}
	}
}

int main(int argc, char **argv)
{
	int i, way, frames, fds[BUFS], sock;
	struct vb2f dev;
	struct report r;
	pid_t pid;

	if (argc < 5)
		die("usage: frames wake|calls MS N WAY...");
	timed = !strcmp(argv[1], "wake");
	job_ms = atoi(argv[2]);
	frames = atoi(argv[3]);
	names = argv + 4;
	for (way = 0; names[way]; way++)
		if (!is_late(names[way]) && !is_flip(names[way]) && !way_find(names[way]))
			die("no such way: %s", names[way]);

	/* What is printed does not leave before the end. */
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	pid = start_consumer(&sock);
	check(vb2f_open(&dev, &setup), "vim2m");
	check(vb2f_alloc(&dev, 1, BUFS), "buffers");
	check(vb2f_set_job_ms(&dev, job_ms), "the time of a job");
	check(vb2f_stream(&dev, true), "VIDIOC_STREAMON");
	for (i = 0; i < BUFS; i++)
		fds[i] = dev.cap[i].fd[0];
	check(vb2f_send(sock, &i, sizeof(i), fds, BUFS), "send");
	if (!take(sock, &r, sizeof(r)))
		die("the consumer is gone");

	if (timed)
		wake(&dev, sock, frames);
	for (way = 0; names[way] && !timed; way++)
		for (i = 0; i < frames; i++)
			one_frame(&dev, sock, way, IDLE);

	close(sock);
	if (vb2f_wait_child(pid))
		die("the consumer failed");
	vb2f_close(&dev);
	return 0;
}
