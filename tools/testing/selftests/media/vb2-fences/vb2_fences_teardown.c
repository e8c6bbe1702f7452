// SPDX-License-Identifier: GPL-2.0
/*
 * vb2 release fences and everything that can end while a job is in flight: the
 * stream, the file, the process, the device. The fence signals with the result
 * of the job, and a sync_file or dma-buf kept through all of it stays good.
 *
 * These tests unload vim2m and visl: nothing else may be using them.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "vb2_fences_util.h"

#define NBUFS	2

struct state {
	struct vb2f dev;
	struct vb2f_buf kept;	/* what others have of CAPTURE buffer 0 */
	struct vb2f_job job;
	__u64 before;		/* the teardown */
};

FIXTURE(teardown)
{
	struct state s;
};

FIXTURE_VARIANT(teardown)
{
	struct vb2f_setup setup;
};

FIXTURE_VARIANT_ADD(teardown, vim2m_mmap) {
	.setup = VB2F_VIM2M(VB2F_MMAP, 640, 480),
};

FIXTURE_VARIANT_ADD(teardown, vim2m_heap) {
	.setup = VB2F_VIM2M(VB2F_HEAP, 640, 480),
};

FIXTURE_VARIANT_ADD(teardown, vim2m_requests_udmabuf) {
	.setup = VB2F_VIM2M(VB2F_UDMABUF, 640, 480, .requests = true),
};

FIXTURE_VARIANT_ADD(teardown, visl_two_planes_mmap) {
	.setup = VB2F_VISL(VB2F_MMAP, V4L2_PIX_FMT_NV12M),
};

FIXTURE_VARIANT_ADD(teardown, visl_udmabuf) {
	.setup = VB2F_VISL(VB2F_UDMABUF, V4L2_PIX_FMT_NV12),
};

static int open_all(struct vb2f *dev, const struct vb2f_setup *setup)
{
	int ret;

	ret = vb2f_open(dev, setup);
	if (!ret)
		ret = vb2f_alloc(dev, NBUFS, NBUFS);
	if (!ret)
		ret = vb2f_stream(dev, true);
	return ret;
}

FIXTURE_SETUP(teardown)
{
	int ret = open_all(&self->s.dev, &variant->setup);

	if (!ret && !vb2f_module_loaded(variant->setup.driver))
		ret = -ENODEV;	/* built in: it cannot be removed */
	if (vb2f_missing(ret))
		SKIP(return, "%s: %s", variant->setup.driver,
		     vb2f_missing(ret));
	ASSERT_EQ(0, ret);
	self->s.job.sync = -1;
	self->s.kept.fd[0] = -1;
	self->s.kept.fd[1] = -1;
}

FIXTURE_TEARDOWN(teardown)
{
	vb2f_close(&self->s.dev);
	vb2f_drop_buf(&self->s.dev, &self->s.kept);
	if (self->s.job.sync >= 0)
		close(self->s.job.sync);
}

/* Has one of the jobs been in flight when its teardown began? */
static void assert_seen(struct __test_metadata *_metadata, int ms)
{
	ASSERT_LE(ms, VB2F_JOB_MS_MAX) {
		TH_LOG("no fence was active in time");
	}
}

/*
 * Start a job, with a second one in the queue behind it, and keep what its
 * consumers would have. Returns false if that was too slow.
 */
static bool start(struct __test_metadata *_metadata, struct vb2f *dev,
		  struct vb2f_buf *kept, struct vb2f_job *job, int ms)
{
	int ret, p;

	ret = vb2f_job_start(dev, ms, job);
	if (ret == -EAGAIN)
		return false;
	ASSERT_EQ(0, ret);
	for (p = 0; p < dev->nplanes; p++) {
		kept->fd[p] = dup(dev->cap[0].fd[p]);
		ASSERT_LE(0, kept->fd[p]);
	}
	ASSERT_EQ(0, vb2f_map_buf(dev, kept));
	ASSERT_EQ(0, vb2f_qcap(dev, 1));
	ASSERT_EQ(0, vb2f_qout(dev, 1, 0, 0));
	return true;
}

/* Was the job still in flight when its teardown began? If not, forget it. */
static bool in_flight(struct __test_metadata *_metadata,
		      struct state *s)
{
	ASSERT_EQ(0, vb2f_job_wait(&s->job));
	if (s->job.signaled > s->before)
		return true;
	close(s->job.sync);
	s->job.sync = -1;
	vb2f_drop_buf(&s->dev, &s->kept);
	vb2f_close(&s->dev);
	return false;
}

static void expect_sync_file(struct __test_metadata *_metadata,
			     const struct vb2f_job *job)
{
	struct vb2f_info info;
	int merged;

	EXPECT_EQ(POLLIN, vb2f_poll(job->sync, POLLIN, 0));
	EXPECT_EQ(0, vb2f_info(job->sync, &info));
	EXPECT_EQ(1, info.status);
	EXPECT_EQ(1, info.num);
	EXPECT_EQ(job->signaled, info.fence[0].timestamp_ns);
	merged = vb2f_merge(job->sync, job->sync);
	EXPECT_LE(0, merged);
	EXPECT_EQ(1, vb2f_status(merged));
	close(merged);
}

static void expect_dmabuf(struct __test_metadata *_metadata,
			  struct state *s)
{
	int p;

	for (p = 0; p < s->dev.nplanes; p++) {
		int fd = s->kept.fd[p];

		EXPECT_EQ(POLLIN, vb2f_poll(fd, POLLIN, VB2F_TIMEOUT_MS));
		EXPECT_EQ(POLLOUT, vb2f_poll(fd, POLLOUT, VB2F_TIMEOUT_MS));
		EXPECT_EQ(1, vb2f_dmabuf_status(fd));
	}
	EXPECT_TRUE(vb2f_is_drawn(&s->dev, &s->kept, s->job.seed));
}

static void unload(struct __test_metadata *_metadata, const char *driver)
{
	vb2f_modprobe(true, "vim2m");
	vb2f_modprobe(true, "visl");
	vb2f_modprobe(true, driver);
	EXPECT_FALSE(vb2f_module_loaded(driver));
}

/*
 * All that is left of the device is what its consumers have: that is as good
 * without the driver, and without all that the driver is built on.
 */
static void expect_kept(struct __test_metadata *_metadata,
			struct state *s,
			const struct vb2f_setup *setup)
{
	static const char * const core[] = {
		"v4l2-mem2mem", "videobuf2-vmalloc", "videobuf2-dma-contig",
		"videobuf2-memops", "videobuf2-v4l2", "videobuf2-common",
	};
	struct vb2f_job job;
	unsigned int i;

	EXPECT_EQ(1, s->job.status);
	expect_sync_file(_metadata, &s->job);
	expect_dmabuf(_metadata, s);

	vb2f_close(&s->dev);
	unload(_metadata, setup->driver);
	expect_sync_file(_metadata, &s->job);
	expect_dmabuf(_metadata, s);

	/* Without a dma-buf the core can go, too, if nobody else needs it */
	vb2f_drop_buf(&s->dev, &s->kept);
	for (i = 0; i < ARRAY_SIZE(core); i++)
		vb2f_modprobe(true, core[i]);
	expect_sync_file(_metadata, &s->job);

	/* The last user frees it, with nothing left of those who made it */
	close(s->job.sync);
	s->job.sync = -1;

	/* And all of it comes back */
	ASSERT_EQ(0, open_all(&s->dev, setup));
	ASSERT_EQ(0, vb2f_job_queue(&s->dev, 1, &job));
	EXPECT_EQ(0, vb2f_dq(&s->dev, true, NULL));
	EXPECT_TRUE(vb2f_is_drawn(&s->dev, &s->dev.cap[0], job.seed));
}

static void reopen(struct __test_metadata *_metadata, struct vb2f *dev,
		   const struct vb2f_setup *setup)
{
	if (dev->fd < 0)
		ASSERT_EQ(0, open_all(dev, setup));
}

TEST_F_TIMEOUT(teardown, streamoff, 120)
{
	struct vb2f *dev = &self->s.dev;
	int count, ms, p;
	__u64 late;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		reopen(_metadata, dev, &variant->setup);
		if (!start(_metadata, dev, &self->s.kept, &self->s.job, ms))
			continue;
		self->s.before = vb2f_now();
		ASSERT_EQ(0, vb2f_stream(dev, false));
		/*
		 * If the next one had begun meanwhile, STREAMOFF would have
		 * waited for it, too: it has to return soon after the first
		 */
		late = vb2f_now() - ms / 2 * 1000000ULL;
		if (late > self->s.before)
			self->s.before = late;
		/* It does not return before the job has ended */
		EXPECT_EQ(1, vb2f_status(self->s.job.sync));
		if (in_flight(_metadata, &self->s))
			break;
	}
	assert_seen(_metadata, ms);

	/* The job that had not begun never had a fence */
	for (p = 0; p < dev->nplanes; p++) {
		EXPECT_EQ(1, vb2f_dmabuf_status(dev->cap[1].fd[p]));
		count = vb2f_debug_fences(dev->cap[1].fd[p], NULL, NULL);
		if (count != -ENOENT)
			EXPECT_EQ(0, count);
	}

	EXPECT_EQ(0, vb2f_reqbufs(dev, dev->cap_type, dev->cap_memory, 0,
				  NULL));
	EXPECT_EQ(0, vb2f_reqbufs(dev, dev->out_type, V4L2_MEMORY_MMAP, 0,
				  NULL));
	expect_kept(_metadata, &self->s, &variant->setup);
}

TEST_F_TIMEOUT(teardown, close, 120)
{
	struct vb2f *dev = &self->s.dev;
	int ms;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		reopen(_metadata, dev, &variant->setup);
		if (!start(_metadata, dev, &self->s.kept, &self->s.job, ms))
			continue;
		vb2f_drop_out(dev);
		self->s.before = vb2f_now();
		close(dev->fd);		/* the last of it: no mapping left */
		dev->fd = -1;
		EXPECT_EQ(1, vb2f_status(self->s.job.sync));
		if (in_flight(_metadata, &self->s))
			break;
	}
	assert_seen(_metadata, ms);

	expect_kept(_metadata, &self->s, &variant->setup);
}

/* What the process that is to be killed says */
struct started {
	int ret;
	struct vb2f_job job;
};

static void run_and_wait(int sock, const struct vb2f_setup *setup, int ms)
{
	int fds[1 + VB2F_MAX_PLANES];
	struct started s = {};
	struct vb2f dev;
	int p;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s.ret = open_all(&dev, setup);
	if (!s.ret)
		s.ret = vb2f_job_start(&dev, ms, &s.job);
	if (s.ret) {
		vb2f_send(sock, &s, sizeof(s), NULL, 0);
		_exit(1);
	}
	fds[0] = s.job.sync;
	for (p = 0; p < dev.nplanes; p++)
		fds[1 + p] = dev.cap[0].fd[p];
	vb2f_send(sock, &s, sizeof(s), fds, 1 + dev.nplanes);

	fcntl(dev.fd, F_SETFL, 0);
	vb2f_dq(&dev, true, NULL);	/* blocks now */
	pause();
	_exit(1);
}

TEST_F_TIMEOUT(teardown, killed, 120)
{
	int fds[1 + VB2F_MAX_PLANES];
	struct started s;
	int ms, p, status;
	int nplanes = self->s.dev.nplanes;
	int socks[2];
	pid_t pid;

	vb2f_close(&self->s.dev);
	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC,
					0, socks));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			run_and_wait(socks[1], &variant->setup, ms);

		ASSERT_EQ(0, vb2f_recv(socks[0], &s, sizeof(s), fds,
				       1 + nplanes));
		self->s.before = vb2f_now();
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		close(socks[0]);
		close(socks[1]);
		if (s.ret == -EAGAIN)
			continue;
		ASSERT_EQ(0, s.ret);
		self->s.job = s.job;
		self->s.job.sync = fds[0];
		for (p = 0; p < nplanes; p++)
			self->s.kept.fd[p] = fds[1 + p];
		ASSERT_EQ(0, vb2f_map_buf(&self->s.dev, &self->s.kept));
		if (in_flight(_metadata, &self->s))
			break;
	}
	assert_seen(_metadata, ms);

	expect_kept(_metadata, &self->s, &variant->setup);
}

TEST_F_TIMEOUT(teardown, unbind, 120)
{
	struct vb2f *dev = &self->s.dev;
	struct v4l2_capability cap;
	int ms;
	pid_t pid;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		reopen(_metadata, dev, &variant->setup);
		if (!start(_metadata, dev, &self->s.kept, &self->s.job, ms))
			continue;
		self->s.before = vb2f_now();
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(vb2f_bind(dev, false) ? 1 : 0);
		ASSERT_EQ(0, vb2f_wait_child(pid));
		EXPECT_EQ(-ENODEV, vb2f_ioctl(dev->fd, VIDIOC_QUERYCAP, &cap));
		if (in_flight(_metadata, &self->s))
			break;
	}
	assert_seen(_metadata, ms);

	/* The file is still open */
	expect_sync_file(_metadata, &self->s.job);
	expect_dmabuf(_metadata, &self->s);
	EXPECT_EQ(-ENODEV, vb2f_stream(dev, false));
	vb2f_close(dev);

	/* Bound again it works again, with the module that was there */
	ASSERT_EQ(0, vb2f_bind(dev, true));
	ASSERT_EQ(0, open_all(dev, &variant->setup));
	expect_kept(_metadata, &self->s, &variant->setup);
}

TEST_F_TIMEOUT(teardown, rmmod, 120)
{
	struct vb2f *dev = &self->s.dev;
	struct vb2f_job job;
	int merged, ms, ret;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		reopen(_metadata, dev, &variant->setup);
		if (!start(_metadata, dev, &self->s.kept, &self->s.job, ms))
			continue;
		/* In use: refused, and nothing happens */
		EXPECT_NE(0, vb2f_modprobe(true, variant->setup.driver));
		self->s.before = vb2f_now();
		/* No longer in use: the modules go as soon as the job has */
		vb2f_close(dev);
		unload(_metadata, variant->setup.driver);
		if (in_flight(_metadata, &self->s))
			break;
	}
	assert_seen(_metadata, ms);

	/* What is left from then goes together with what is new */
	ASSERT_EQ(0, open_all(dev, &variant->setup));
	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		ret = vb2f_job_start(dev, ms, &job);
		if (ret != -EAGAIN)
			break;
	}
	ASSERT_EQ(0, ret);
	merged = vb2f_merge(self->s.job.sync, job.sync);
	EXPECT_LE(0, merged);
	EXPECT_EQ(POLLIN, vb2f_poll(merged, POLLIN, VB2F_TIMEOUT_MS));
	EXPECT_EQ(1, vb2f_status(merged));
	EXPECT_EQ(1, vb2f_status(job.sync));
	close(merged);
	close(job.sync);

	expect_kept(_metadata, &self->s, &variant->setup);
}

TEST_HARNESS_MAIN
