// SPDX-License-Identifier: GPL-2.0
/*
 * Consumers go wrong too: they die, never close, run out of descriptors, add fences of their own
 * to a buffer and hold its reservation lock. The producer must not suffer from that beyond the
 * lock itself. And producers go away while consumers wait: nobody waits for ever.
 *
 * Consumers are processes of their own, which have the dma-bufs and nothing else. Wants hold.ko
 * (testing/models) and sw_sync.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "../hantro/submit.h"
#include "../rga/submit.h"
#include "display.h"
#include "kselftest_harness.h"
#include "producer.h"
#include "program.h"
#include "ways.h"

#define NBUFS		3
#define TIMEOUT_S	120		/* of a test, on a slow machine */
#define HOLD		"/sys/kernel/debug/hold/"
#define HOLD_MS		15000		/* its longest: until it is killed */

#define VIM2M(_memory)	VB2F_VIM2M(_memory, 128, 128)
#define VISL(_memory)	VB2F_VISL(_memory, V4L2_PIX_FMT_NV12M)

/* sw_sync is in no header. */
struct sw_sync_create_fence_data {
	__u32 value;
	char name[32];
	__s32 fence;
};

#define SW_SYNC_IOC_CREATE_FENCE	_IOWR('W', 0, struct sw_sync_create_fence_data)
#define SW_SYNC_IOC_INC			_IOW('W', 1, __u32)

static int sw_timeline(void)
{
	int fd = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A fence that signals when the timeline gets there, or is closed */
static int sw_fence(int timeline, int value)
{
	struct sw_sync_create_fence_data data = { .value = value, .name = "foreign" };
	int ret = vb2f_ioctl(timeline, SW_SYNC_IOC_CREATE_FENCE, &data);

	return ret ?: data.fence;
}

static int import_fence(int dmabuf, __u32 flags, int sync)
{
	struct dma_buf_import_sync_file arg = { .flags = flags, .fd = sync };

	return vb2f_ioctl(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg);
}

/* vb2f_status() of a sync_file with more fences than vb2f_info() has room for */
static int merged_status(int sync)
{
	struct sync_file_info info = {};

	return vb2f_ioctl(sync, SYNC_IOC_FILE_INFO, &info) ?: info.status;
}

static int read_int(const char *path)
{
	char text[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	return len <= 0 ? -EIO : atoi(text);
}

/*
 * Processes
 */

static char state_of(pid_t pid)
{
	char path[32], text[128] = "", *p;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	p = strrchr(text, ')');
	return p ? p[2] : 'X';
}

/*
 * Waits until a child sleeps where it is to sleep, and not on the way there, as several looks
 * tell; false if it has ended.
 */
static bool sleeps(pid_t pid, const char *states)
{
	__u64 end = vb2f_now() + VB2F_TIMEOUT_MS * 1000000ULL;
	int seen = 0;
	char state;

	while (vb2f_now() < end && seen < 4) {
		state = state_of(pid);
		if (state == 'Z' || state == 'X')
			return false;
		seen = strchr(states, state) ? seen + 1 : 0;
		vb2f_sleep_us(2000);
	}
	return seen == 4;
}

static bool asleep(pid_t pid)
{
	return sleeps(pid, "SD");
}

/* For a lock that no signal ends the wait for */
static bool locked_out(pid_t pid)
{
	return sleeps(pid, "D");
}

/* A child that does this and ends: with 0, if this is 0 */
#define IN_CHILD(_call) ({								\
	pid_t _pid = start_child();							\
											\
	if (!_pid)									\
		_exit((_call) ? 1 : 0);							\
	_pid;										\
})

/* 0 when it is dead; it must not survive. */
static int kill_child(pid_t pid)
{
	int ret;

	kill(pid, SIGKILL);
	ret = vb2f_wait_child(pid);
	return ret == -EINTR ? 0 : ret;
}

/* A consumer has the producer's dma-bufs, and (if it is not -1) this, and no other descriptor. */
static void leave_device(struct vb2f *dev, int mine)
{
	int fd, i, p;
	bool keep;

	vb2f_drop_out(dev);
	for (fd = 3; fd < 1024; fd++) {
		keep = fd == mine;
		for (i = 0; i < dev->ncap; i++)
			for (p = 0; p < dev->nplanes; p++)
				keep |= fd == dev->cap[i].fd[p];
		if (!keep)
			close(fd);
	}
}

/* What a consumer ends with */
enum { RIGHT, WRONG, NO_FRAME };

static pid_t start_consumer(struct vb2f *dev, const struct way *way, unsigned int seed)
{
	pid_t pid = start_child();
	int ret;

	if (pid)
		return pid;
	leave_device(dev, -1);
	ret = way->wait(dev->cap[0].fd, dev->nplanes);
	if (ret) {
		fprintf(stderr, "# %s: %s\n", way->name, strerror(-ret));
		_exit(NO_FRAME);
	}
	_exit(vb2f_is_drawn(dev, &dev->cap[0], seed) ? RIGHT : WRONG);
}

/* One of every way, all of which sleep; false if the frame was ready before. */
static bool start_consumers(struct vb2f *dev, pid_t pids[NWAYS], unsigned int seed)
{
	bool all = true;
	int i;

	for (i = 0; i < NWAYS; i++)
		pids[i] = start_consumer(dev, &ways[i], seed);
	for (i = 0; i < NWAYS; i++)
		all &= asleep(pids[i]);
	return all;
}

/*
 * Displays: processes that have one, and show what they are given.
 */

struct screen {
	pid_t pid;
	int sock;
};

/* What it is given is a frame of @dev. */
static void show_frame(int sock, const struct vb2f *dev, bool nonblock)
{
	struct display_layout layout;
	struct vb2f view = *dev;
	struct display_event event;
	struct display_fb fb, first;
	struct display_flip flip;
	struct display d;
	unsigned int seed;
	int ret;

	view.ncap = 0;
	leave_device(&view, sock);
	ret = producer_test_layout(&layout, dev) ?:
	      display_open(&d, layout.width, layout.height) ?: display_dumb_xrgb(&d, &first) ?:
	      display_show(&d, &first, &event);
	write(sock, &ret, sizeof(ret));
	if (ret || vb2f_recv(sock, &seed, sizeof(seed), view.cap[0].fd, view.nplanes) ||
	    vb2f_map_buf(&view, &view.cap[0]))
		_exit(NO_FRAME);
	ret = display_import(&d, &fb, &layout, view.cap[0].fd);
	write(sock, &ret, sizeof(ret));
	flip = (struct display_flip) { .fb = &fb, .nonblock = nonblock };
	if (!ret)
		ret = display_commit(&d, &flip) ?: display_shown(&d, &event, VB2F_TIMEOUT_MS);
	if (ret) {
		fprintf(stderr, "# flip: %s\n", strerror(-ret));
		_exit(NO_FRAME);
	}
	ret = vb2f_is_drawn(&view, &view.cap[0], seed) ? RIGHT : WRONG;
	/* Stays there until it is told to go. */
	if (vb2f_poll(sock, POLLIN, TIMEOUT_S * 1000) <= 0)
		_exit(NO_FRAME);
	_exit(ret);
}

static struct screen start_screen(struct __test_metadata *_metadata, const struct vb2f *dev,
				  bool nonblock)
{
	struct screen screen;

	screen.pid = start_peer(&screen.sock);
	if (!screen.pid)
		show_frame(screen.sock, dev, nonblock);
	ASSERT_LT(0, screen.pid);
	ASSERT_EQ(0, peer_answer(screen.sock));
	return screen;
}

static bool give_screen(const struct screen *s, const struct vb2f *dev, unsigned int seed)
{
	return !vb2f_send(s->sock, &seed, sizeof(seed), dev->cap[0].fd, dev->nplanes) &&
	       !peer_answer(s->sock) && asleep(s->pid);
}

static int close_screen(struct screen *s)
{
	shutdown(s->sock, SHUT_RDWR);
	close(s->sock);
	return vb2f_wait_child(s->pid);
}

static pid_t start_hold(int dmabuf, int ms, int fenced)
{
	char text[48];

	if (fenced < 0)
		snprintf(text, sizeof(text), "%d %d", dmabuf, ms);
	else
		snprintf(text, sizeof(text), "%d %d %d", dmabuf, ms, fenced);
	return IN_CHILD(vb2f_write(HOLD "lock", text));
}

/* Returns when it has the lock. */
static pid_t hold(struct __test_metadata *_metadata, int dmabuf, int ms)
{
	__u64 end = vb2f_now() + VB2F_TIMEOUT_MS * 1000000ULL;
	pid_t pid = start_hold(dmabuf, ms, -1);

	while (read_int(HOLD "locked") != 1) {
		ASSERT_LT(vb2f_now(), end);
		vb2f_sleep_us(1000);
	}
	return pid;
}

/*
 * Jobs
 */

static int open_all(struct vb2f *dev, const struct vb2f_setup *setup)
{
	return vb2f_open(dev, setup) ?: vb2f_alloc(dev, NBUFS, NBUFS) ?: vb2f_stream(dev, true);
}

static void open_first(struct __test_metadata *_metadata, struct vb2f *dev,
		       const struct vb2f_setup *setup)
{
	int ret = open_all(dev, setup);

	if (vb2f_missing(ret))
		SKIP(return, "%s: %s", setup->driver, vb2f_missing(ret));
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, read_int(HOLD "locked")) {
		TH_LOG("no hold.ko");
	}
}

static int start_job(struct vb2f *dev, int ms, struct vb2f_job *job)
{
	int ret;

	do {
		ret = vb2f_job_start(dev, ms, job);
		ms *= 2;
	} while (ret == -EAGAIN && ms <= 2 * VB2F_JOB_MS_MAX);
	return ret;
}

static void finish_job(struct __test_metadata *_metadata, struct vb2f *dev, struct vb2f_job *job)
{
	ASSERT_EQ(0, vb2f_job_finish(dev, job));
	close(job->sync);
	EXPECT_EQ(1, job->status);
	EXPECT_FALSE(job->failed);
	EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[0], job->seed));
}

static void one_good_job(struct __test_metadata *_metadata, struct vb2f *dev)
{
	struct vb2f_job job;

	ASSERT_EQ(0, start_job(dev, 50, &job));
	finish_job(_metadata, dev, &job);
}

/* A job that is not looked at: somebody else's fences are in the way. */
static void blind_job(struct __test_metadata *_metadata, struct vb2f *dev, int ms)
{
	struct vb2f_job job;
	struct v4l2_buffer b;

	ASSERT_EQ(0, vb2f_job_queue(dev, ms, &job));
	ASSERT_EQ(0, vb2f_dq(dev, true, &b));
	ASSERT_EQ(0, vb2f_dq(dev, false, NULL));
	EXPECT_FALSE(b.flags & V4L2_BUF_FLAG_ERROR);
	EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[0], job.seed));
}

/* Another one, behind it, in the second buffers */
static void queue_second(struct __test_metadata *_metadata, struct vb2f *dev, unsigned int seed)
{
	vb2f_fill_out(dev, 1, seed);
	ASSERT_EQ(0, vb2f_qcap(dev, 1));
	ASSERT_EQ(0, vb2f_qout(dev, 1, 4711, 0));
}

static void finish_second(struct __test_metadata *_metadata, struct vb2f *dev, unsigned int seed)
{
	EXPECT_EQ(1, vb2f_dq(dev, true, NULL));
	EXPECT_EQ(1, vb2f_dq(dev, false, NULL));
	EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[1], seed));
}

FIXTURE(consumer) {
	struct vb2f dev;
	int dmabufs;
};

FIXTURE_VARIANT(consumer) {
	struct vb2f_setup setup;
	struct vb2f_setup other;	/* of another device */
};

FIXTURE_VARIANT_ADD(consumer, vim2m_heap) {
	.setup = VIM2M(VB2F_HEAP),
	.other = VISL(VB2F_HEAP),
};

FIXTURE_VARIANT_ADD(consumer, visl_two_planes) {
	.setup = VISL(VB2F_MMAP),
	.other = VIM2M(VB2F_MMAP),
};

FIXTURE_SETUP(consumer)
{
	self->dmabufs = vb2f_debug_dmabufs();
	open_first(_metadata, &self->dev, &variant->setup);
}

/* Whatever a test has done: the device works, and nothing is left of its buffers. */
FIXTURE_TEARDOWN(consumer)
{
	__u64 end = vb2f_now() + VB2F_TIMEOUT_MS * 1000000ULL;

	if (self->dev.fd < 0)
		ASSERT_EQ(0, open_all(&self->dev, &variant->setup));
	one_good_job(_metadata, &self->dev);
	vb2f_close(&self->dev);
	while (vb2f_debug_dmabufs() > self->dmabufs && vb2f_now() < end)
		vb2f_sleep_us(10000);
	EXPECT_EQ(self->dmabufs, vb2f_debug_dmabufs());
}

/*
 * Consumers that die, or never do anything again
 */

TEST_F_TIMEOUT(consumer, dies, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	struct screen screens[2];
	struct vb2f_job job;
	pid_t pids[NWAYS];
	int i, ms, status, ended;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		for (i = 0; i < 2; i++)
			screens[i] = start_screen(_metadata, dev, i);
		ASSERT_EQ(0, start_job(dev, ms, &job));
		start_consumers(dev, pids, job.seed);
		for (i = 0; i < 2; i++)
			give_screen(&screens[i], dev, job.seed);
		ended = 0;
		for (i = 0; i < NWAYS; i++)
			ended += !!kill_child(pids[i]);
		ended += !!kill_child(screens[0].pid);
		/* They die at once, not when the job ends. */
		status = vb2f_status(job.sync);
		if (!status)
			EXPECT_EQ(0, ended);
		/* But a flip that does not block keeps the display open until then. */
		ended = kill_child(screens[1].pid);
		EXPECT_TRUE(!ended || (status && ended == RIGHT));
		finish_job(_metadata, dev, &job);
		for (i = 0; i < 2; i++)
			close(screens[i].sock);
		if (!status)
			break;
	}
	EXPECT_LE(ms, VB2F_JOB_MS_MAX);
}

/* It keeps all that it can have of the buffer, and the producer goes its ways. */
TEST_F_TIMEOUT(consumer, never_closes, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	struct screen screen = start_screen(_metadata, dev, true);
	struct vb2f_job job;
	int sock, fds[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, start_job(dev, VB2F_JOB_MS, &job));
	pid = start_peer(&sock);
	if (!pid) {
		leave_device(dev, sock);
		fds[0] = export_merged(dev->cap[0].fd, dev->nplanes);
		fds[1] = vb2f_export(dev->cap[0].fd[0], DMA_BUF_SYNC_RW);
		vb2f_poll(dev->cap[0].fd[0], POLLIN, 0);
		cpu_access(dev->cap[0].fd[0], DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
		write(sock, "", 1);
		read(sock, &c, 1);
		_exit(vb2f_status(fds[0]) == 1 && vb2f_status(fds[1]) == 1 &&
		      vb2f_is_drawn(dev, &dev->cap[0], job.seed) ? RIGHT : WRONG);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(1, read(sock, &c, 1));
	EXPECT_TRUE(give_screen(&screen, dev, job.seed));
	finish_job(_metadata, dev, &job);

	/* New buffers; then a new file, a new binding, and a new module */
	ASSERT_EQ(0, vb2f_stream(dev, false));
	vb2f_close(dev);
	ASSERT_EQ(0, open_all(dev, &variant->setup));
	one_good_job(_metadata, dev);
	ASSERT_EQ(0, vb2f_bind(dev, false));
	vb2f_close(dev);
	ASSERT_EQ(0, vb2f_bind(dev, true));
	ASSERT_EQ(0, open_all(dev, &variant->setup));
	one_good_job(_metadata, dev);
	vb2f_close(dev);
	ASSERT_EQ(0, vb2f_modprobe(true, variant->setup.driver));
	ASSERT_EQ(0, open_all(dev, &variant->setup));

	ASSERT_EQ(1, write(sock, "", 1));
	EXPECT_EQ(RIGHT, vb2f_wait_child(pid));
	close(sock);
	EXPECT_EQ(RIGHT, close_screen(&screen));
}

/* Nobody has the dma-buf any more but the callback of a poll() that was killed. */
TEST_F_TIMEOUT(consumer, last_reference, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	struct vb2f_job job;
	int ms, p, status, ended;
	pid_t pid;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		ASSERT_EQ(0, start_job(dev, ms, &job));
		pid = start_child();
		if (!pid) {
			leave_device(dev, -1);
			for (p = 0; p < dev->nplanes; p++)
				vb2f_poll(dev->cap[0].fd[p], POLLIN | POLLOUT, 0);
			_exit(vb2f_poll(dev->cap[0].fd[0], POLLIN, VB2F_TIMEOUT_MS) <= 0);
		}
		asleep(pid);
		vb2f_drop_buf(dev, &dev->cap[0]);
		ended = kill_child(pid);
		status = vb2f_status(job.sync);
		if (!status)
			EXPECT_EQ(0, ended);
		ASSERT_EQ(0, vb2f_job_finish(dev, &job));
		EXPECT_EQ(1, job.status);
		close(job.sync);
		vb2f_close(dev);
		ASSERT_EQ(0, open_all(dev, &variant->setup));
		if (!status)
			break;
	}
	EXPECT_LE(ms, VB2F_JOB_MS_MAX);
}

/* Without a descriptor to be had, one waits, or learns of it; nobody is told that it is ready. */
TEST_F_TIMEOUT(consumer, no_descriptors, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	struct vb2f_job job;
	int ms, i, ret, asked = 0, refused = 0, status = 1;
	pid_t pid;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX && status; ms *= 2) {
		ASSERT_EQ(0, start_job(dev, ms, &job));
		pid = start_child();
		if (!pid) {
			leave_device(dev, -1);
			while (dup(0) >= 0)
				;
			for (i = 0; i < NWAYS; i++) {
				if (ways[i].polls)
					continue;
				ret = ways[i].wait(dev->cap[0].fd, dev->nplanes);
				refused += ret == -EMFILE;
				asked++;
			}
			_exit(refused == asked ? 0 : 1);
		}
		ret = vb2f_wait_child(pid);
		status = vb2f_status(job.sync);
		finish_job(_metadata, dev, &job);
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, ret);
}

#define KEPT	40

/* The fences of many frames, kept until the driver is gone */
TEST_F_TIMEOUT(consumer, keeps_fences, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	int syncs[KEPT], i, active = 0;
	struct vb2f_job job;

	for (i = 0; i < KEPT; i++) {
		ASSERT_EQ(0, vb2f_job_queue(dev, 5, &job));
		syncs[i] = vb2f_export(dev->cap[0].fd[i % dev->nplanes], DMA_BUF_SYNC_READ);
		ASSERT_LE(0, syncs[i]);
		active += !vb2f_status(syncs[i]);
		ASSERT_EQ(0, vb2f_dq(dev, true, NULL));
		ASSERT_EQ(0, vb2f_dq(dev, false, NULL));
	}
	vb2f_close(dev);
	ASSERT_EQ(0, vb2f_modprobe(true, variant->setup.driver));
	for (i = 0; i < KEPT; i++)
		EXPECT_EQ(1, vb2f_status(syncs[i]));
	i = merge_all(syncs, KEPT);
	EXPECT_EQ(1, vb2f_status(i));
	close(i);
	EXPECT_LT(0, active);
}

/*
 * Producers that go away
 */

struct started {
	int ret;
	struct vb2f_job job;
	struct vb2f dev;
};

/* Has a job in flight, and does what it is told by the other end. */
static void produce(int sock, const struct vb2f_setup *setup, int ms)
{
	struct started s = {};
	char what;

	s.ret = open_all(&s.dev, setup);
	if (!s.ret)
		s.ret = vb2f_job_start(&s.dev, ms, &s.job);
	vb2f_send(sock, &s, sizeof(s), s.dev.cap[0].fd, s.ret ? 0 : s.dev.nplanes);
	while (read(sock, &what, 1) == 1) {
		if (what == 's')
			s.ret = vb2f_stream(&s.dev, false);
		else if (what == 'c')
			vb2f_close(&s.dev);
		write(sock, &s.ret, sizeof(s.ret));
	}
	_exit(0);
}

static int tell(int sock, char what)
{
	return write(sock, &what, 1) == 1 ? peer_answer(sock) : -EPIPE;
}

enum event { STOPS, CLOSES, KILLED, UNBOUND, UNLOADED };

FIXTURE(producer) {
	struct vb2f view;		/* has no device, but later the dma-bufs */
};

FIXTURE_VARIANT(producer) {
	struct vb2f_setup setup;
	enum event event;
};

#define PRODUCER(_name, _event, _setup)							\
	FIXTURE_VARIANT_ADD(producer, _name) {						\
		.setup = _setup,							\
		.event = _event,							\
	}

PRODUCER(vim2m_stops, STOPS, VIM2M(VB2F_MMAP));
PRODUCER(vim2m_closes, CLOSES, VIM2M(VB2F_HEAP));
PRODUCER(vim2m_killed, KILLED, VIM2M(VB2F_MMAP));
PRODUCER(vim2m_unbound, UNBOUND, VIM2M(VB2F_HEAP));
PRODUCER(vim2m_unloaded, UNLOADED, VIM2M(VB2F_MMAP));
PRODUCER(visl_killed, KILLED, VISL(VB2F_HEAP));
PRODUCER(visl_unloaded, UNLOADED, VISL(VB2F_MMAP));

FIXTURE_SETUP(producer)
{
	open_first(_metadata, &self->view, &variant->setup);
	vb2f_close(&self->view);
}

FIXTURE_TEARDOWN(producer)
{
	ASSERT_EQ(0, open_all(&self->view, &variant->setup));
	one_good_job(_metadata, &self->view);
	vb2f_close(&self->view);
}

static void go(struct __test_metadata *_metadata, enum event event, pid_t pid, int sock,
	       const struct vb2f *dev)
{
	switch (event) {
	case STOPS:
		EXPECT_EQ(0, tell(sock, 's'));
		break;
	case CLOSES:
		EXPECT_EQ(0, tell(sock, 'c'));
		break;
	case KILLED:
		EXPECT_EQ(0, kill_child(pid));
		break;
	case UNBOUND:
		EXPECT_EQ(0, vb2f_bind(dev, false));
		EXPECT_EQ(0, kill_child(pid));
		EXPECT_EQ(0, vb2f_bind(dev, true));
		break;
	case UNLOADED:
		EXPECT_EQ(0, kill_child(pid));
		EXPECT_EQ(0, vb2f_modprobe(true, dev->setup->driver));
		break;
	}
}

/* All consumers get the frame: m2m waits for the running job. */
TEST_F_TIMEOUT(producer, goes, TIMEOUT_S)
{
	int fds[VB2F_MAX_PLANES], sock, i, ms;
	struct vb2f *view = &self->view;
	struct screen screens[2];
	pid_t pids[NWAYS], pid;
	bool all = false;
	struct started s;

	for (ms = 2 * VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX && !all; ms *= 2) {
		for (i = 0; i < 2; i++)
			screens[i] = start_screen(_metadata, view, i);
		pid = start_peer(&sock);
		if (!pid)
			produce(sock, &variant->setup, ms);
		ASSERT_LT(0, pid);
		ASSERT_EQ(0, vb2f_recv(sock, &s, sizeof(s), fds, view->nplanes));
		if (s.ret) {
			ASSERT_EQ(-EAGAIN, s.ret);
			for (i = 0; i < 2; i++)
				kill_child(screens[i].pid);
		} else {
			memcpy(view->cap[0].fd, fds, sizeof(fds));
			view->ncap = 1;
			ASSERT_EQ(0, vb2f_map_buf(view, &view->cap[0]));
			all = start_consumers(view, pids, s.job.seed);
			for (i = 0; i < 2; i++)
				all &= give_screen(&screens[i], view, s.job.seed);
			all &= !vb2f_dmabuf_status(fds[0]);
			go(_metadata, variant->event, pid, sock, &s.dev);
			for (i = 0; i < NWAYS; i++)
				EXPECT_EQ(RIGHT, vb2f_wait_child(pids[i]));
			for (i = 0; i < 2; i++)
				EXPECT_EQ(RIGHT, close_screen(&screens[i]));
			vb2f_close(view);
		}
		kill_child(pid);
		close(sock);
	}
	EXPECT_TRUE(all);
}

/*
 * Foreign fences
 */

/* A fence of a new timeline, in all planes of a buffer */
static void import_foreign(struct __test_metadata *_metadata, struct vb2f *dev, __u32 flags,
			   int *timeline, int *sync)
{
	int p;

	*timeline = sw_timeline();
	ASSERT_LE(0, *timeline);
	*sync = sw_fence(*timeline, 1);
	ASSERT_LE(0, *sync);
	for (p = 0; p < dev->nplanes; p++)
		ASSERT_EQ(0, import_fence(dev->cap[0].fd[p], flags, *sync));
}

/* Readers that never end: the device does not wait for them. */
TEST_F_TIMEOUT(consumer, foreign_readers, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	int timeline, sync, p;

	import_foreign(_metadata, dev, DMA_BUF_SYNC_READ, &timeline, &sync);
	one_good_job(_metadata, dev);
	one_good_job(_metadata, dev);
	for (p = 0; p < dev->nplanes; p++) {
		EXPECT_EQ(POLLIN, vb2f_poll(dev->cap[0].fd[p], POLLIN | POLLOUT, 0));
		EXPECT_EQ(1, vb2f_dmabuf_status(dev->cap[0].fd[p]));
	}
	close(timeline);
	EXPECT_EQ(POLLOUT, vb2f_poll(dev->cap[0].fd[0], POLLOUT, VB2F_TIMEOUT_MS));
	close(sync);
}

/*
 * A writer that never ends keeps consumers waiting, which can be killed, and nobody else: not
 * the device, nor the program, nor the way out.
 */
TEST_F_TIMEOUT(consumer, foreign_writer, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	int timeline, sync, i, p, ret;
	pid_t pids[NWAYS];

	import_foreign(_metadata, dev, DMA_BUF_SYNC_WRITE, &timeline, &sync);
	for (i = 0; i < 3; i++)
		blind_job(_metadata, dev, 20);
	for (p = 0; p < dev->nplanes; p++)
		EXPECT_EQ(0, vb2f_dmabuf_status(dev->cap[0].fd[p]));
	EXPECT_TRUE(start_consumers(dev, pids, 0));
	blind_job(_metadata, dev, 20);
	for (i = 0; i < NWAYS; i += 2)
		EXPECT_EQ(0, kill_child(pids[i]));
	blind_job(_metadata, dev, 20);

	/* The rest keeps the buffer when all that made it is gone. */
	vb2f_close(dev);
	ASSERT_EQ(0, vb2f_modprobe(true, variant->setup.driver));
	for (i = 1; i < NWAYS; i += 2)
		EXPECT_TRUE(asleep(pids[i]));
	close(timeline);
	for (i = 1; i < NWAYS; i += 2) {
		ret = vb2f_wait_child(pids[i]);
		EXPECT_TRUE(ret == RIGHT || ret == WRONG);
	}
	EXPECT_EQ(-ENOENT, vb2f_status(sync));
	close(sync);
}

/* Likewise with a display: of its commits, one that blocks can be killed, and no other. */
TEST_F_TIMEOUT(consumer, foreign_writer_on_screen, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	struct screen screens[2];
	int timeline, sync, i;

	for (i = 0; i < 2; i++)
		screens[i] = start_screen(_metadata, dev, i);
	import_foreign(_metadata, dev, DMA_BUF_SYNC_WRITE, &timeline, &sync);
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(give_screen(&screens[i], dev, 0));
	blind_job(_metadata, dev, 20);
	EXPECT_EQ(0, kill_child(screens[0].pid));
	kill(screens[1].pid, SIGKILL);
	blind_job(_metadata, dev, 20);
	EXPECT_EQ(0, vb2f_status(sync));
	close(timeline);
	EXPECT_EQ(-EINTR, vb2f_wait_child(screens[1].pid));
	for (i = 0; i < 2; i++)
		close(screens[i].sock);
	close(sync);
}

#define MANY	200

/* Hundreds of fences in one reservation object, some of which signal meanwhile */
TEST_F_TIMEOUT(consumer, many_foreign, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	int timelines[MANY], syncs[MANY], i, n, p, all;
	__u32 one = 1;

	for (i = 0; i < MANY; i++) {
		import_foreign(_metadata, dev, i % 2 ? DMA_BUF_SYNC_READ : DMA_BUF_SYNC_WRITE,
			       &timelines[i], &syncs[i]);
		if (i % 20 == 0)
			blind_job(_metadata, dev, 5);
	}
	blind_job(_metadata, dev, 20);
	/* All of them in one, and that where they are already, and elsewhere */
	all = merge_all(syncs, MANY);
	ASSERT_LE(0, all);
	/* Who has never waited for several fences does not learn of their errors. */
	EXPECT_EQ(0, vb2f_poll(all, POLLIN, 0));
	for (p = 0; p < dev->nplanes; p++) {
		EXPECT_EQ(0, import_fence(dev->cap[0].fd[p], DMA_BUF_SYNC_RW, all));
		EXPECT_EQ(0, import_fence(dev->cap[1].fd[p], DMA_BUF_SYNC_RW, all));
	}
	for (n = 0; n < 4; n++) {
		blind_job(_metadata, dev, 20);
		for (i = n * MANY / 4; i < (n + 1) * MANY / 4; i++) {
			if (i % 2)
				ASSERT_EQ(0, ioctl(timelines[i], SW_SYNC_IOC_INC, &one));
			close(timelines[i]);
		}
	}
	for (p = 0; p < dev->nplanes; p++)
		EXPECT_EQ(1, vb2f_dmabuf_status(dev->cap[0].fd[p]));
	EXPECT_EQ(-ENOENT, merged_status(all));
	close(all);
}

/* Fences of the queue itself, in buffers that are not theirs */
TEST_F_TIMEOUT(consumer, own_fences, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	struct vb2f_job job;
	int n, i, p;

	for (n = 0; n < 5; n++) {
		ASSERT_EQ(0, start_job(dev, 50, &job));
		for (i = 0; i < NBUFS; i++)
			for (p = 0; p < dev->nplanes; p++)
				EXPECT_EQ(0, import_fence(dev->cap[i].fd[p], n % 2 ?
							  DMA_BUF_SYNC_WRITE : DMA_BUF_SYNC_READ,
							  job.sync));
		/* The next one is written while it has an older fence of this queue. */
		vb2f_wipe(dev, &dev->cap[1]);
		queue_second(_metadata, dev, job.seed);
		finish_job(_metadata, dev, &job);
		EXPECT_EQ(POLLIN, vb2f_poll(dev->cap[1].fd[0], POLLIN, VB2F_TIMEOUT_MS));
		finish_second(_metadata, dev, job.seed);
		for (i = 0; i < NBUFS; i++)
			EXPECT_EQ(POLLOUT, vb2f_poll(dev->cap[i].fd[0], POLLOUT,
						     VB2F_TIMEOUT_MS));
	}
}

/* Each of two devices' buffers has the fence of the other's. */
TEST_F_TIMEOUT(consumer, circle, TIMEOUT_S)
{
	struct vb2f *a = &self->dev;
	struct vb2f_job job_a, job_b;
	struct vb2f b;
	int n;

	ASSERT_EQ(0, open_all(&b, &variant->other));
	for (n = 0; n < 3; n++) {
		ASSERT_EQ(0, start_job(a, VB2F_JOB_MS, &job_a));
		EXPECT_EQ(0, import_fence(b.cap[0].fd[0], DMA_BUF_SYNC_WRITE, job_a.sync));
		ASSERT_EQ(0, vb2f_job_queue(&b, VB2F_JOB_MS, &job_b));
		job_b.sync = vb2f_export(b.cap[0].fd[0], DMA_BUF_SYNC_READ);
		ASSERT_LE(0, job_b.sync);
		EXPECT_EQ(0, import_fence(a->cap[0].fd[0], DMA_BUF_SYNC_WRITE, job_b.sync));
		EXPECT_EQ(POLLIN, vb2f_poll(a->cap[0].fd[0], POLLIN, VB2F_TIMEOUT_MS));
		EXPECT_EQ(POLLIN, vb2f_poll(b.cap[0].fd[0], POLLIN, VB2F_TIMEOUT_MS));
		finish_job(_metadata, a, &job_a);
		ASSERT_EQ(0, vb2f_dq(&b, true, NULL));
		ASSERT_EQ(0, vb2f_dq(&b, false, NULL));
		EXPECT_TRUE(vb2f_is_drawn(&b, &b.cap[0], job_b.seed));
		close(job_b.sync);
	}
	vb2f_close(&b);
}

/* All that one can do to a dma-buf, in no order, until killed */
static void storm(struct vb2f *dev, unsigned int seed)
{
	int kept = -1, timeline, sync, other, fd;
	__u32 one = 1, value = 0;

	srand(seed);
	leave_device(dev, -1);
	timeline = sw_timeline();
	for (;;) {
		fd = dev->cap[rand() % NBUFS].fd[rand() % dev->nplanes];
		sync = vb2f_export(fd, rand() % 2 ? DMA_BUF_SYNC_READ : DMA_BUF_SYNC_RW);
		switch (rand() % 7) {
		case 0:
			vb2f_poll(fd, POLLIN | POLLOUT, rand() % 3);
			break;
		case 1:
			import_fence(fd, DMA_BUF_SYNC_READ, sync);
			break;
		case 2:
			import_fence(fd, DMA_BUF_SYNC_WRITE, kept);
			break;
		case 3:
			other = vb2f_merge(sync, kept);
			close(kept);
			kept = other;
			break;
		case 4:
			other = sw_fence(timeline, ++value);
			import_fence(fd, rand() % 2 ? DMA_BUF_SYNC_READ : DMA_BUF_SYNC_WRITE,
				     other);
			close(other);
			break;
		case 5:
			if (value)
				ioctl(timeline, SW_SYNC_IOC_INC, &one);
			break;
		default:
			vb2f_poll(sync, POLLIN, rand() % 3);
			break;
		}
		close(sync);
	}
}

TEST_F_TIMEOUT(consumer, storm, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	pid_t pids[4];
	int i, n;

	for (i = 0; i < 4; i++) {
		pids[i] = start_child();
		if (!pids[i])
			storm(dev, i);
	}
	for (n = 0; n < 60; n++) {
		blind_job(_metadata, dev, n % 4 * 2);
		if (n % 10 == 5) {
			/* In flight */
			ASSERT_EQ(0, vb2f_qcap(dev, 1));
			ASSERT_EQ(0, vb2f_qout(dev, 1, 1000 + n, 0));
			ASSERT_EQ(0, vb2f_stream(dev, false));
			ASSERT_EQ(0, vb2f_stream(dev, true));
		}
	}
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, kill_child(pids[i]));
}

/*
 * Somebody holds the reservation lock.
 */

/* A buffer's first fence, and mapping, need the lock in other places too: get them over with. */
static pid_t hold_after_job(struct __test_metadata *_metadata, struct vb2f *dev, int dmabuf)
{
	one_good_job(_metadata, dev);
	ASSERT_EQ(0, read_int(HOLD "locked"));
	return hold(_metadata, dmabuf, HOLD_MS);
}

#define SEED	4711

/* Somebody holds the lock of a plane, and a child queues a job, whose start has to wait for it. */
static pid_t lock_out(struct __test_metadata *_metadata, struct vb2f *dev, int plane,
		      pid_t *holder)
{
	pid_t pid;

	*holder = hold_after_job(_metadata, dev, dev->cap[0].fd[plane]);
	vb2f_wipe(dev, &dev->cap[0]);
	vb2f_fill_out(dev, 0, SEED);
	vb2f_set_job_ms(dev, 50);
	pid = IN_CHILD(vb2f_qcap(dev, 0) || vb2f_qout(dev, 0, SEED, 0));
	EXPECT_TRUE(locked_out(pid));
	return pid;
}

/* The job starts when the lock is free, and not before; other devices work meanwhile. */
TEST_F_TIMEOUT(consumer, holds_lock, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	struct vb2f other, same;
	pid_t holder, queuer;
	struct vb2f_job wait;

	ASSERT_EQ(0, open_all(&other, &variant->other));
	ASSERT_EQ(0, open_all(&same, &variant->setup));
	queuer = lock_out(_metadata, dev, dev->nplanes - 1, &holder);
	one_good_job(_metadata, &other);
	/*
	 * Another context of the device can do all but have its job run. With requests, the media
	 * device's req_queue_mutex is held where the job is to be started, which STREAMOFF and
	 * close() take.
	 */
	if (!variant->setup.requests) {
		ASSERT_EQ(0, vb2f_job_queue(&same, 50, &wait));
		EXPECT_EQ(1, vb2f_dmabuf_status(same.cap[0].fd[0]));
		EXPECT_EQ(0, vb2f_stream(&same, false));
		EXPECT_EQ(0, vb2f_stream(&same, true));
	}
	ASSERT_EQ(0, vb2f_qcap(&same, 1));
	one_good_job(_metadata, &other);

	/* Not published, and so not started */
	EXPECT_EQ(1, vb2f_dmabuf_status(dev->cap[0].fd[0]));
	EXPECT_TRUE(vb2f_is_wiped(dev, &dev->cap[0]));
	EXPECT_EQ(1, read_int(HOLD "locked"));
	EXPECT_TRUE(locked_out(queuer));

	EXPECT_EQ(0, kill_child(holder));
	EXPECT_EQ(0, vb2f_wait_child(queuer));
	EXPECT_EQ(0, vb2f_dq(dev, true, NULL));
	EXPECT_EQ(0, vb2f_dq(dev, false, NULL));
	EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[0], SEED));
	EXPECT_EQ(0, vb2f_stream(&same, false));
	EXPECT_EQ(0, vb2f_stream(&same, true));
	one_good_job(_metadata, &same);
	vb2f_close(&same);
	vb2f_close(&other);
}

/* Nothing that ends a job takes the lock. */
TEST_F_TIMEOUT(consumer, holds_lock_in_flight, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	struct vb2f_job job;
	int ms, p, status;
	pid_t holder;

	one_good_job(_metadata, dev);
	for (p = 0; p < dev->nplanes; p++) {
		for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
			ASSERT_EQ(0, start_job(dev, ms, &job));
			holder = hold(_metadata, dev->cap[0].fd[p], HOLD_MS);
			status = vb2f_status(job.sync);
			finish_job(_metadata, dev, &job);
			EXPECT_EQ(1, vb2f_dmabuf_status(dev->cap[0].fd[p]));
			EXPECT_EQ(0, vb2f_stream(dev, false));
			EXPECT_EQ(0, vb2f_stream(dev, true));
			EXPECT_EQ(1, read_int(HOLD "locked"));
			EXPECT_EQ(0, kill_child(holder));
			if (!status)
				break;
		}
		EXPECT_LE(ms, VB2F_JOB_MS_MAX);
	}
}

/* Who holds the lock of the next buffer may wait for the fence of this one. */
TEST_F_TIMEOUT(consumer, holds_lock_and_waits, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	int timeouts = read_int(HOLD "timeouts");
	struct vb2f_job job;
	int ms, status;
	pid_t holder;

	/* A buffer's first QBUF maps what is imported, with the lock. */
	one_good_job(_metadata, dev);
	queue_second(_metadata, dev, 1);
	finish_second(_metadata, dev, 1);

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		ASSERT_EQ(0, start_job(dev, ms, &job));
		holder = start_hold(dev->cap[1].fd[0], HOLD_MS,
				    dev->cap[0].fd[dev->nplanes - 1]);
		vb2f_wipe(dev, &dev->cap[1]);
		/* Locked, until the fence signals */
		while (read_int(HOLD "locked") != 1 && !vb2f_status(job.sync))
			vb2f_sleep_us(1000);
		queue_second(_metadata, dev, job.seed);
		status = vb2f_status(job.sync);
		finish_job(_metadata, dev, &job);
		EXPECT_EQ(0, vb2f_wait_child(holder));
		EXPECT_EQ(timeouts, read_int(HOLD "timeouts"));
		finish_second(_metadata, dev, job.seed);
		if (!status)
			break;
	}
	EXPECT_LE(ms, VB2F_JOB_MS_MAX);
}

/* The locks of the planes are hardly ever free, and never for long. */
TEST_F_TIMEOUT(consumer, holds_locks_in_turn, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	pid_t holders[2];
	char text[32];
	int i;

	one_good_job(_metadata, dev);
	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%d 3", dev->cap[0].fd[i * (dev->nplanes - 1)]);
		holders[i] = start_child();
		while (!holders[i])
			vb2f_write(HOLD "lock", text);
	}
	for (i = 0; i < 20; i++)
		blind_job(_metadata, dev, 5);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, kill_child(holders[i]));
}

/* STREAMOFF while the job cannot start: when the lock is free, it ends. */
TEST_F_TIMEOUT(consumer, holds_lock_streamoff, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	pid_t holder, queuer, stopper;

	queuer = lock_out(_metadata, dev, 0, &holder);
	stopper = IN_CHILD(vb2f_stream(dev, false));
	EXPECT_TRUE(asleep(stopper));
	EXPECT_EQ(0, kill_child(holder));
	EXPECT_EQ(0, vb2f_wait_child(queuer));
	EXPECT_EQ(0, vb2f_wait_child(stopper));
	EXPECT_EQ(POLLIN, vb2f_poll(dev->cap[0].fd[0], POLLIN, VB2F_TIMEOUT_MS));
	ASSERT_EQ(0, vb2f_stream(dev, true));
}

/* Killed while the job cannot start: it dies when the lock is free, and not before. */
TEST_F_TIMEOUT(consumer, holds_lock_killed, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev, mine;
	int fds[VB2F_MAX_PLANES], sock;
	pid_t holder, producer;
	struct vb2f_job job;

	producer = start_peer(&sock);
	if (!producer) {
		vb2f_close(dev);
		if (open_all(&mine, &variant->setup) || start_job(&mine, 50, &job) ||
		    vb2f_job_finish(&mine, &job))
			_exit(1);
		vb2f_send(sock, "", 1, mine.cap[0].fd, mine.nplanes);
		read(sock, fds, 1);
		vb2f_job_queue(&mine, 50, &job);
		_exit(2);
	}
	ASSERT_LT(0, producer);
	ASSERT_EQ(0, vb2f_recv(sock, &job, 1, fds, dev->nplanes));
	holder = hold_after_job(_metadata, dev, fds[0]);
	ASSERT_EQ(1, write(sock, "", 1));
	EXPECT_TRUE(locked_out(producer));
	kill(producer, SIGKILL);
	/* The device waits with it, but another context can stop (with requests, see above). */
	if (!variant->setup.requests) {
		EXPECT_EQ(0, vb2f_stream(dev, false));
		EXPECT_EQ(0, vb2f_stream(dev, true));
	}
	EXPECT_EQ(1, read_int(HOLD "locked"));
	EXPECT_EQ('D', state_of(producer));
	EXPECT_EQ(0, kill_child(holder));
	EXPECT_EQ(-EINTR, vb2f_wait_child(producer));
	EXPECT_EQ(POLLIN, vb2f_poll(fds[0], POLLIN, VB2F_TIMEOUT_MS));
	close(fds[0]);
	if (dev->nplanes > 1)
		close(fds[1]);
	close(sock);
}

/* Unbound while the job cannot start */
TEST_F_TIMEOUT(consumer, holds_lock_unbound, TIMEOUT_S)
{
	struct vb2f *dev = &self->dev;
	pid_t holder, queuer, unbinder;

	queuer = lock_out(_metadata, dev, 0, &holder);
	unbinder = IN_CHILD(vb2f_bind(dev, false));
	asleep(unbinder);
	EXPECT_EQ(0, kill_child(holder));
	EXPECT_LE(0, vb2f_wait_child(queuer));
	EXPECT_EQ(0, vb2f_wait_child(unbinder));
	EXPECT_EQ(POLLIN, vb2f_poll(dev->cap[0].fd[0], POLLIN, VB2F_TIMEOUT_MS));
	vb2f_close(dev);
	ASSERT_EQ(0, vb2f_bind(dev, true));
	ASSERT_EQ(0, open_all(dev, &variant->setup));
}

/*
 * Hardware has a watchdog, which must not strike while the job waits for a lock, and cannot have
 * been started.
 */
#define WATCHDOG_MS	2000

static void open_rga(struct __test_metadata *_metadata, struct producer **p)
{
	int ret = producer_open(p, producer_find("rga2 NV12M"), 128, 128, 1);

	if (!ret && !producer_fenced(*p)) {
		producer_close(*p);
		ret = -EOPNOTSUPP;
	}
	if (vb2f_missing(ret))
		SKIP(exit(KSFT_SKIP), "rga2: %s", vb2f_missing(ret));
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, producer_set_ms(*p, 20));
}

static void open_hantro(struct __test_metadata *_metadata, struct hs *hs)
{
	const struct hs_setup setup = {
		.node = "vdpu",
		.codec = HS_MPEG2,
		.width = 128,
		.height = 128,
		.nout = 1,
		.ncap = 3,
	};
	int ret = hs_open(hs, &setup);

	if (!ret && !(hs->v.cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES)) {
		hs_close(hs);
		ret = -EOPNOTSUPP;
	}
	if (vb2f_missing(ret))
		SKIP(exit(KSFT_SKIP), "vdpu: %s", vb2f_missing(ret));
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, hs_start(hs));
	hs_knobs_reset("vdpu");
}

TEST(rga_lock_longer_than_watchdog)
{
	struct producer *p;
	__u64 start;
	pid_t holder;

	open_rga(_metadata, &p);
	holder = hold(_metadata, producer_v(p)->cap[0].fd[1], 2 * WATCHDOG_MS);
	start = vb2f_now();
	ASSERT_EQ(0, producer_submit(p, 0, 1));
	EXPECT_LT(start + WATCHDOG_MS * 1000000ULL, vb2f_now());
	EXPECT_EQ(0, read_int(HOLD "locked"));
	EXPECT_EQ(0, producer_finish(p, NULL));
	EXPECT_EQ(0, vb2f_wait_child(holder));
	producer_close(p);
}

TEST(hantro_lock_longer_than_watchdog)
{
	struct hs_done done;
	__u64 start;
	struct hs hs;
	pid_t holder;

	open_hantro(_metadata, &hs);
	holder = hold(_metadata, hs.v.cap[0].fd[0], 2 * WATCHDOG_MS);
	start = vb2f_now();
	ASSERT_EQ(0, hs_submit_frame(&hs, 0, 0, 1));
	EXPECT_LT(start + WATCHDOG_MS * 1000000ULL, vb2f_now());
	EXPECT_EQ(0, read_int(HOLD "locked"));
	ASSERT_EQ(0, hs_finish(&hs, &done, VB2F_TIMEOUT_MS));
	EXPECT_FALSE(done.error);
	EXPECT_EQ(0, vb2f_wait_child(holder));
	hs_close(&hs);
}

static int bind_device(bool bind, const char *driver, const char *device)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/%s/%s", driver,
		 bind ? "bind" : "unbind");
	return vb2f_write(path, device);
}

/* Unbound, and the program killed, while the job cannot start; @queuer queues it. */
static void unbind_locked_out(struct __test_metadata *_metadata, pid_t holder, pid_t queuer,
			      const char *driver, const char *device)
{
	pid_t pid;

	EXPECT_TRUE(locked_out(queuer));
	pid = IN_CHILD(bind_device(false, driver, device));
	asleep(pid);
	kill(queuer, SIGKILL);
	EXPECT_EQ(1, read_int(HOLD "locked"));
	EXPECT_EQ(0, kill_child(holder));
	EXPECT_EQ(-EINTR, vb2f_wait_child(queuer));
	EXPECT_EQ(0, vb2f_wait_child(pid));
}

TEST(rga_lock_unbound)
{
	pid_t holder, queuer;
	struct producer *p;
	char device[64];

	open_rga(_metadata, &p);
	ASSERT_EQ(0, rs_device("rga2", device, sizeof(device)));
	holder = hold(_metadata, producer_v(p)->cap[0].fd[0], HOLD_MS);
	queuer = IN_CHILD(producer_submit(p, 0, 1));
	unbind_locked_out(_metadata, holder, queuer, "rockchip-rga", device);
	EXPECT_EQ(POLLIN, vb2f_poll(producer_v(p)->cap[0].fd[0], POLLIN, VB2F_TIMEOUT_MS));
	producer_close(p);
	EXPECT_EQ(0, bind_device(true, "rockchip-rga", device));
	open_rga(_metadata, &p);
	EXPECT_EQ(0, producer_submit(p, 0, 2));
	EXPECT_EQ(0, producer_finish(p, NULL));
	producer_close(p);
}

TEST(hantro_lock_unbound)
{
	pid_t holder, queuer;
	struct hs_done done;
	char device[64];
	struct hs hs;

	open_hantro(_metadata, &hs);
	ASSERT_EQ(0, hs_device(hs.node, device, sizeof(device)));
	holder = hold(_metadata, hs.v.cap[0].fd[0], HOLD_MS);
	queuer = IN_CHILD(hs_submit_frame(&hs, 0, 0, 1));
	unbind_locked_out(_metadata, holder, queuer, "hantro-vpu", device);
	EXPECT_EQ(POLLIN, vb2f_poll(hs.v.cap[0].fd[0], POLLIN, VB2F_TIMEOUT_MS));
	hs_close(&hs);
	EXPECT_EQ(0, bind_device(true, "hantro-vpu", device));
	open_hantro(_metadata, &hs);
	ASSERT_EQ(0, hs_submit_frame(&hs, 0, 0, 1));
	ASSERT_EQ(0, hs_finish(&hs, &done, VB2F_TIMEOUT_MS));
	EXPECT_FALSE(done.error);
	hs_close(&hs);
}

TEST_HARNESS_MAIN
