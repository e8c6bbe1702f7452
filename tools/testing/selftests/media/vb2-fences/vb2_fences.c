// SPDX-License-Identifier: GPL-2.0
/*
 * vb2 release fences, seen from outside: what poll(), a sync_file and the
 * pixels of a CAPTURE buffer's dma-buf say before, during and after a job.
 *
 * No test assumes that QBUF starts a job: it waits until it has seen the fence
 * active, looks, and finds out from the fence's timestamp afterwards whether
 * the job was in flight all that time. If not it tries a longer job.
 */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <linux/media.h>

#include "kselftest_harness.h"
#include "vb2_fences_util.h"

#define NBUFS	3

#define VIM2M(_memory, ...)	VB2F_VIM2M(_memory, 640, 480, __VA_ARGS__)

static void setup_dev(struct __test_metadata *_metadata, struct vb2f *dev,
		      const struct vb2f_setup *setup)
{
	int ret;

	ret = vb2f_open(dev, setup);
	if (!ret)
		ret = vb2f_alloc(dev, NBUFS, NBUFS);
	if (vb2f_missing(ret))
		SKIP(return, "%s: %s", setup->driver, vb2f_missing(ret));
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, vb2f_stream(dev, true));
}

static void close_all(int *fds, int n)
{
	while (n--)
		close(fds[n]);
}

/* Has one of the jobs been long enough to be looked at in flight? */
static void assert_seen(struct __test_metadata *_metadata, int ms)
{
	ASSERT_LE(ms, VB2F_JOB_MS_MAX) {
		TH_LOG("no fence was active while it was looked for");
	}
}

/* Jobs, until one has been looked at in flight */
struct try {
	struct vb2f_job job;
	int ms;			/* its time; 0: none yet */
	__u64 looked;		/* the test's last look */
};

/*
 * Start a job and see its fence active; the test then looks, and says when. The
 * next call finishes the job, and returns false if it was in flight until then.
 */
static bool next_try(struct __test_metadata *_metadata, struct vb2f *dev,
		     struct try *t)
{
	int ret;

	if (t->ms) {
		ASSERT_EQ(0, vb2f_job_finish(dev, &t->job));
		close(t->job.sync);
		if (t->job.signaled > t->looked)
			return false;
	}
	do {
		t->ms = t->ms ? 2 * t->ms : VB2F_JOB_MS;
		assert_seen(_metadata, t->ms);
		ret = vb2f_job_start(dev, t->ms, &t->job);
	} while (ret == -EAGAIN);
	ASSERT_EQ(0, ret);
	return true;
}

/* What one dma-buf tells those who ask */
struct look {
	int pollin;
	int pollout;
	int pollsync;
	struct vb2f_info readers;	/* what readers have to wait for */
	struct vb2f_info writers;
};

static int look(int dmabuf, struct look *look)
{
	int rd, wr, ret;

	rd = vb2f_export(dmabuf, DMA_BUF_SYNC_READ);
	if (rd < 0)
		return rd;
	wr = vb2f_export(dmabuf, DMA_BUF_SYNC_RW);
	if (wr < 0) {
		close(rd);
		return wr;
	}
	look->pollin = vb2f_poll(dmabuf, POLLIN, 0);
	look->pollout = vb2f_poll(dmabuf, POLLOUT, 0);
	look->pollsync = vb2f_poll(rd, POLLIN, 0);
	ret = vb2f_info(rd, &look->readers);
	if (!ret)
		ret = vb2f_info(wr, &look->writers);
	close(rd);
	close(wr);
	return ret;
}

/* Nobody has to wait for this dma-buf. */
static void expect_idle(struct __test_metadata *_metadata, int dmabuf)
{
	EXPECT_EQ(POLLIN, vb2f_poll(dmabuf, POLLIN, VB2F_TIMEOUT_MS));
	EXPECT_EQ(POLLOUT, vb2f_poll(dmabuf, POLLOUT, VB2F_TIMEOUT_MS));
	EXPECT_EQ(1, vb2f_dmabuf_status(dmabuf));
}

/* The device does what it should. */
static void expect_usable(struct __test_metadata *_metadata, struct vb2f *dev)
{
	struct try t = {};

	while (next_try(_metadata, dev, &t))
		t.looked = vb2f_now();
	EXPECT_EQ(1, t.job.status);
	EXPECT_FALSE(t.job.failed);
	EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[0], t.job.seed));
}

FIXTURE(fence)
{
	struct vb2f dev;
};

FIXTURE_VARIANT(fence)
{
	struct vb2f_setup setup;
};

FIXTURE_VARIANT_ADD(fence, vim2m_mmap) {
	.setup = VIM2M(VB2F_MMAP),
};

FIXTURE_VARIANT_ADD(fence, vim2m_heap) {
	.setup = VIM2M(VB2F_HEAP),
};

FIXTURE_VARIANT_ADD(fence, vim2m_udmabuf) {
	.setup = VIM2M(VB2F_UDMABUF),
};

FIXTURE_VARIANT_ADD(fence, vim2m_requests_mmap) {
	.setup = VIM2M(VB2F_MMAP, .requests = true),
};

FIXTURE_VARIANT_ADD(fence, vim2m_mplane_mmap) {
	.setup = VIM2M(VB2F_MMAP, .mplane = true),
};

FIXTURE_VARIANT_ADD(fence, visl_mmap) {
	.setup = VB2F_VISL(VB2F_MMAP, V4L2_PIX_FMT_NV12),
};

FIXTURE_VARIANT_ADD(fence, visl_two_planes_mmap) {
	.setup = VB2F_VISL(VB2F_MMAP, V4L2_PIX_FMT_NV12M),
};

FIXTURE_VARIANT_ADD(fence, visl_two_planes_heap) {
	.setup = VB2F_VISL(VB2F_HEAP, V4L2_PIX_FMT_NV12M),
};

FIXTURE_VARIANT_ADD(fence, visl_two_planes_udmabuf) {
	.setup = VB2F_VISL(VB2F_UDMABUF, V4L2_PIX_FMT_NV12M),
};

FIXTURE_SETUP(fence)
{
	setup_dev(_metadata, &self->dev, &variant->setup);
}

FIXTURE_TEARDOWN(fence)
{
	vb2f_close(&self->dev);
}

TEST_F(fence, in_flight)
{
	struct look looks[VB2F_MAX_PLANES] = {};
	struct vb2f *dev = &self->dev;
	struct vb2f_info *info;
	struct try t = {};
	int p;

	for (p = 0; p < dev->nplanes; p++)
		expect_idle(_metadata, dev->cap[0].fd[p]);

	while (next_try(_metadata, dev, &t)) {
		for (p = 0; p < dev->nplanes; p++)
			ASSERT_EQ(0, look(dev->cap[0].fd[p], &looks[p]));
		t.looked = vb2f_now();
	}

	for (p = 0; p < dev->nplanes; p++) {
		EXPECT_EQ(0, looks[p].pollin);
		EXPECT_EQ(0, looks[p].pollout);
		EXPECT_EQ(0, looks[p].pollsync);
		EXPECT_EQ(0, looks[p].writers.status);

		info = &looks[p].readers;
		EXPECT_EQ(0, info->status);
		EXPECT_EQ(1, info->num);
		EXPECT_EQ(0, info->fence[0].status);
		EXPECT_TRUE(!info->fence[0].timestamp_ns);
		EXPECT_STREQ(dev->name, info->fence[0].driver_name);
		EXPECT_NE(NULL, strstr(info->fence[0].obj_name, "cap"));
	}

	EXPECT_EQ(1, t.job.status);
	EXPECT_FALSE(t.job.failed);
	EXPECT_GT(t.job.signaled, t.job.seen);
	EXPECT_LE(t.job.signaled, t.job.woken);

	for (p = 0; p < dev->nplanes; p++)
		expect_idle(_metadata, dev->cap[0].fd[p]);
}

TEST_F(fence, whole_frame_at_wakeup)
{
	struct vb2f *dev = &self->dev;
	struct vb2f_buf *buf = &dev->cap[0];
	int last = dev->nplanes - 1;
	__u8 *copy[VB2F_MAX_PLANES];
	bool wiped = false, drawn = false;
	struct try t = {};
	int p;

	for (p = 0; p < dev->nplanes; p++) {
		copy[p] = malloc(dev->size[p]);
		ASSERT_NE(NULL, copy[p]);
	}

	while (next_try(_metadata, dev, &t)) {
		wiped = vb2f_is_wiped(dev, buf);
		/* If it is being written already, look earlier */
		t.looked = wiped ? vb2f_now() : ~0ULL;
		/* Any plane wakes up when all of them are written */
		EXPECT_EQ(POLLIN, vb2f_poll(buf->fd[last], POLLIN,
					    VB2F_TIMEOUT_MS));
		drawn = vb2f_is_drawn(dev, buf, t.job.seed);
		for (p = 0; p < dev->nplanes; p++)
			memcpy(copy[p], buf->map[p], dev->size[p]);
	}

	EXPECT_TRUE(wiped);
	EXPECT_TRUE(drawn);
	for (p = 0; p < dev->nplanes; p++) {
		EXPECT_EQ(0, memcmp(copy[p], buf->map[p], dev->size[p]));
		free(copy[p]);
	}
}

TEST_F(fence, cpu_access_waits)
{
	struct vb2f *dev = &self->dev;
	int fd = dev->cap[0].fd[0];
	struct dma_buf_sync arg;
	bool drawn = false;
	__u64 after = 0;
	struct try t = {};

	while (next_try(_metadata, dev, &t)) {
		t.looked = vb2f_now();
		arg.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ;
		EXPECT_EQ(0, vb2f_ioctl(fd, DMA_BUF_IOCTL_SYNC, &arg));
		after = vb2f_now();
		drawn = vb2f_is_drawn(dev, &dev->cap[0], t.job.seed);
		arg.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ;
		EXPECT_EQ(0, vb2f_ioctl(fd, DMA_BUF_IOCTL_SYNC, &arg));
	}

	EXPECT_GE(after, t.job.signaled);
	EXPECT_TRUE(drawn);
}

/*
 * Every plane, every descriptor of it, and every export of it, made before the
 * job or in the middle of it, shows one and the same fence: sync_files of one
 * fence merge into one with one fence.
 */
TEST_F(fence, same_fence_everywhere)
{
	bool mmaped = variant->setup.memory == VB2F_MMAP;
	struct vb2f *dev = &self->dev;
	struct vb2f_buf *buf = &dev->cap[0];
	int fds[4 * VB2F_MAX_PLANES], syncs[4 * VB2F_MAX_PLANES];
	int tmp, all = -1, nsyncs = 0;
	int i, p, n, before = 0;
	struct vb2f_info merged, info;
	struct try t = {};

	for (p = 0; p < dev->nplanes; p++) {
		fds[before++] = dup(buf->fd[p]);
		fds[before++] = mmaped ? vb2f_expbuf(dev, 0, p) :
					 dup(buf->fd[p]);
	}
	n = before;
	while (next_try(_metadata, dev, &t)) {
		/* Those of the last try */
		close(all);
		close_all(syncs, nsyncs);
		close_all(fds + before, n - before);

		n = before;
		for (p = 0; p < dev->nplanes; p++) {
			fds[n++] = dup(buf->fd[p]);
			tmp = vb2f_expbuf(dev, 0, p);
			if (mmaped)
				fds[n++] = tmp;
			else
				EXPECT_EQ(-EINVAL, tmp);
		}
		all = dup(t.job.sync);
		for (nsyncs = 0; nsyncs < n; nsyncs++) {
			ASSERT_LE(0, fds[nsyncs]);
			syncs[nsyncs] = vb2f_export(fds[nsyncs],
						    DMA_BUF_SYNC_READ);
			ASSERT_LE(0, syncs[nsyncs]);
			tmp = vb2f_merge(all, syncs[nsyncs]);
			ASSERT_LE(0, tmp);
			close(all);
			all = tmp;
		}
		ASSERT_EQ(0, vb2f_info(all, &merged));
		t.looked = vb2f_now();
	}

	EXPECT_EQ(0, merged.status);
	EXPECT_EQ(1, merged.num);
	EXPECT_EQ(1, vb2f_status(all));
	for (i = 0; i < n; i++) {
		EXPECT_EQ(0, vb2f_info(syncs[i], &info));
		EXPECT_EQ(1, info.status);
		EXPECT_EQ(1, info.num);
		EXPECT_EQ(t.job.signaled, info.fence[0].timestamp_ns);
		expect_idle(_metadata, fds[i]);
	}
	close(all);
	close_all(syncs, n);
	close_all(fds, n);
}

/* What a process saw that has nothing but the dma-bufs. */
struct report {
	int status;		/* in flight */
	bool wiped;
	__u64 looked;
	int pollin;		/* what woke it up */
	bool drawn;
	int end_status;
};

static void consumer(const struct vb2f *dev, int sock)
{
	struct report r;
	struct vb2f_buf buf;
	unsigned int seed;
	int p;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (vb2f_recv(sock, &seed, sizeof(seed), buf.fd, dev->nplanes))
		_exit(1);
	if (vb2f_map_buf(dev, &buf))
		_exit(1);

	p = dev->nplanes - 1;
	r.status = vb2f_dmabuf_status(buf.fd[p]);
	r.wiped = vb2f_is_wiped(dev, &buf);
	r.looked = r.wiped ? vb2f_now() : ~0ULL;
	r.pollin = vb2f_poll(buf.fd[p], POLLIN, VB2F_TIMEOUT_MS);
	r.drawn = vb2f_is_drawn(dev, &buf, seed);
	r.end_status = vb2f_dmabuf_status(buf.fd[p]);
	_exit(vb2f_send(sock, &r, sizeof(r), NULL, 0) ? 1 : 0);
}

TEST_F(fence, other_process)
{
	struct vb2f *dev = &self->dev;
	struct try t = {};
	struct report r;
	int socks[2];
	pid_t pid;

	while (next_try(_metadata, dev, &t)) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			/* It has only what it is sent */
			dup2(socks[1], STDERR_FILENO + 1);
			close_range(STDERR_FILENO + 2, ~0U, 0);
			consumer(dev, STDERR_FILENO + 1);
		}
		close(socks[1]);
		ASSERT_EQ(0, vb2f_send(socks[0], &t.job.seed,
				       sizeof(t.job.seed), dev->cap[0].fd,
				       dev->nplanes));
		ASSERT_EQ(0, vb2f_recv(socks[0], &r, sizeof(r), NULL, 0));
		ASSERT_EQ(0, vb2f_wait_child(pid));
		close(socks[0]);
		t.looked = r.looked;
	}

	EXPECT_EQ(0, r.status);
	EXPECT_TRUE(r.wiped);
	EXPECT_EQ(POLLIN, r.pollin);
	EXPECT_TRUE(r.drawn);
	EXPECT_EQ(1, r.end_status);
}

/*
 * All buffers are queued at once: they get their fences one after another, and
 * only then, in one timeline. Returns false if the test was too slow.
 */
static bool in_order(struct __test_metadata *_metadata, struct vb2f *dev,
		     int ms)
{
	__u64 looked[NBUFS], context[NBUFS], seqno[NBUFS];
	int syncs[NBUFS], debug[NBUFS], pollin[NBUFS];
	struct vb2f_info info[NBUFS], end[NBUFS];
	bool slow = false;
	int i, n;

	ASSERT_EQ(0, vb2f_set_job_ms(dev, ms));
	for (i = 0; i < NBUFS; i++) {
		vb2f_wipe(dev, &dev->cap[i]);
		vb2f_fill_out(dev, i, ms + i);
		ASSERT_EQ(0, vb2f_qcap(dev, i));
	}
	for (i = 0; i < NBUFS; i++)
		ASSERT_EQ(0, vb2f_qout(dev, i, i, 0));

	for (n = 0; n < NBUFS; n++) {
		syncs[n] = vb2f_wait_active(dev, n);
		if (syncs[n] == -EAGAIN) {
			slow = true;
			break;
		}
		ASSERT_LE(0, syncs[n]);
		ASSERT_EQ(0, vb2f_info(syncs[n], &info[n]));
		pollin[n] = 0;
		for (i = 0; i < NBUFS; i++)
			pollin[n] += vb2f_poll(dev->cap[i].fd[0], POLLIN, 0) ==
				     POLLIN;
		debug[n] = vb2f_debug_fences(dev->cap[n].fd[0], &context[n],
					     &seqno[n]);
		looked[n] = vb2f_now();
	}

	for (i = 0; i < NBUFS; i++) {
		ASSERT_EQ(i, vb2f_dq(dev, true, NULL));
		ASSERT_EQ(i, vb2f_dq(dev, false, NULL));
		EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[i], ms + i));
	}
	for (i = 0; i < n; i++) {
		EXPECT_EQ(0, vb2f_info(syncs[i], &end[i]));
		EXPECT_EQ(1, end[i].status);
		slow |= end[i].fence[0].timestamp_ns <= looked[i];
		close(syncs[i]);
	}
	if (slow)
		return false;

	for (i = 0; i < NBUFS; i++) {
		/* All but the one that is being written */
		EXPECT_EQ(NBUFS - 1, pollin[i]);
		EXPECT_STREQ(info[0].fence[0].obj_name,
			     info[i].fence[0].obj_name);
		if (!i)
			continue;
		EXPECT_GT(end[i].fence[0].timestamp_ns,
			  end[i - 1].fence[0].timestamp_ns);
		if (debug[i] < 0)
			continue;
		EXPECT_EQ(context[i - 1], context[i]);
		EXPECT_LT(seqno[i - 1], seqno[i]);
	}
	return true;
}

TEST_F(fence, one_after_another)
{
	int ms;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2)
		if (in_order(_metadata, &self->dev, ms))
			break;
	assert_seen(_metadata, ms);
}

static int s_fmt_again(struct vb2f *dev, __u32 type)
{
	struct v4l2_format f = { .type = type };

	return vb2f_ioctl(dev->fd, VIDIOC_G_FMT, &f) ?:
	       vb2f_ioctl(dev->fd, VIDIOC_S_FMT, &f);
}

/*
 * Calls that make no sense while a job runs fail, and calls that do make sense
 * work; neither disturbs the fence.
 */
TEST_F(fence, misuse)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct vb2f *dev = &self->dev;
	struct v4l2_create_buffers create;
	struct epoll_event event = {};
	int dq = 0, reinit = -EBUSY;
	struct v4l2_buffer b;
	struct vb2f_job job;
	__u64 looked = 0;
	int ms;
	int fd, epfd;
	int ret;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		ret = vb2f_job_start(dev, ms, &job);
		if (ret == -EAGAIN)
			continue;
		ASSERT_EQ(0, ret);

		/* What only a job in flight forbids */
		vb2f_init_buf(dev, &b, planes, true, 0);
		dq = vb2f_ioctl(dev->fd, VIDIOC_DQBUF, &b);
		if (variant->setup.requests)
			reinit = vb2f_ioctl(dev->req[0],
					    MEDIA_REQUEST_IOC_REINIT, NULL);
		looked = vb2f_now();
		if (!vb2f_status(job.sync))
			break;
		ASSERT_EQ(0, vb2f_job_wait(&job));
		close(job.sync);
		ASSERT_EQ(0, vb2f_stream(dev, false));
		ASSERT_EQ(0, vb2f_stream(dev, true));
	}
	assert_seen(_metadata, ms);
	EXPECT_EQ(-EAGAIN, dq);
	EXPECT_EQ(-EBUSY, reinit);

	EXPECT_EQ(-EBUSY, vb2f_reqbufs(dev, dev->cap_type, dev->cap_memory, 0,
				       NULL));
	EXPECT_EQ(-EBUSY, vb2f_reqbufs(dev, dev->out_type, V4L2_MEMORY_MMAP, 0,
				       NULL));
	ret = s_fmt_again(dev, dev->cap_type);
	EXPECT_TRUE(ret == -EBUSY || (dev->ops && !ret));
	ret = s_fmt_again(dev, dev->out_type);
	EXPECT_TRUE(ret == -EBUSY || (dev->ops && !ret));

	EXPECT_EQ(-EINVAL, vb2f_qcap(dev, 0));
	vb2f_init_buf(dev, &b, planes, true, 0);
	EXPECT_EQ(-EINVAL, vb2f_ioctl(dev->fd, VIDIOC_PREPARE_BUF, &b));
	vb2f_init_buf(dev, &b, planes, true, 1);
	b.flags = V4L2_BUF_FLAG_REQUEST_FD;
	b.request_fd = dev->req[0];
	EXPECT_GT(0, vb2f_ioctl(dev->fd, VIDIOC_QBUF, &b));

	if (dev->cap_memory == V4L2_MEMORY_DMABUF) {
		/* Too small */
		close(dev->cap[1].fd[0]);
		dev->cap[1].fd[0] = vb2f_alloc_dmabuf(variant->setup.memory, 1);
		EXPECT_LE(0, dev->cap[1].fd[0]);
		EXPECT_GT(0, vb2f_qcap(dev, 1));
	}

	if (variant->setup.requests)
		EXPECT_EQ(-EBUSY, vb2f_ioctl(dev->req[0],
					     MEDIA_REQUEST_IOC_QUEUE, NULL));

	memset(&create, 0, sizeof(create));
	create.count = 1;
	create.memory = dev->cap_memory;
	create.format.type = dev->cap_type;
	EXPECT_EQ(0, vb2f_ioctl(dev->fd, VIDIOC_G_FMT, &create.format));
	EXPECT_EQ(0, vb2f_ioctl(dev->fd, VIDIOC_CREATE_BUFS, &create));

	/* Those who wait may go away */
	epfd = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, epfd);
	fd = dup(dev->cap[0].fd[0]);
	event.events = EPOLLIN | EPOLLOUT;
	EXPECT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event));
	EXPECT_LE(0, vb2f_poll(fd, POLLIN | POLLOUT, 0));
	close(fd);
	close(epfd);
	fd = vb2f_export(dev->cap[0].fd[0], DMA_BUF_SYNC_RW);
	EXPECT_LE(0, fd);
	EXPECT_LE(0, vb2f_poll(fd, POLLIN, 0));
	close(fd);

	/* And so may the buffer and the request */
	vb2f_drop_buf(dev, &dev->cap[0]);
	if (dev->req[0] >= 0)
		close(dev->req[0]);
	dev->req[0] = -1;

	ASSERT_EQ(0, vb2f_job_wait(&job));
	EXPECT_EQ(1, job.status);
	EXPECT_GT(job.signaled, looked);
	close(job.sync);

	/* Begin anew */
	vb2f_close(dev);
	setup_dev(_metadata, dev, &variant->setup);
	expect_usable(_metadata, dev);
}

/* Half of a STREAMOFF, in flight, and on again */
TEST_F(fence, one_queue_off_and_on)
{
	struct vb2f *dev = &self->dev;
	__u32 types[] = { dev->out_type, dev->cap_type };
	struct vb2f_job job;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		int ms;
		__u64 before;
		int ret;

		for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
			ret = vb2f_job_start(dev, ms, &job);
			if (ret == -EAGAIN)
				continue;
			ASSERT_EQ(0, ret);
			before = vb2f_now();
			ASSERT_EQ(0, vb2f_ioctl(dev->fd, VIDIOC_STREAMOFF,
						&types[i]));
			/* The job has ended, and says how */
			EXPECT_EQ(1, vb2f_status(job.sync));
			ASSERT_EQ(0, vb2f_job_wait(&job));
			close(job.sync);
			ASSERT_EQ(0, vb2f_ioctl(dev->fd, VIDIOC_STREAMON,
						&types[i]));
			/* What the other queue has finished */
			ASSERT_LE(0, vb2f_dq(dev, types[i] == dev->out_type,
					     NULL));
			if (job.signaled > before)
				break;
		}
		assert_seen(_metadata, ms);
		expect_usable(_metadata, dev);
	}
}

/* One dma-buf in two slots of the queue */
FIXTURE(shared)
{
	struct vb2f dev;
};

FIXTURE_VARIANT(shared)
{
	struct vb2f_setup setup;
};

FIXTURE_VARIANT_ADD(shared, vim2m_heap) {
	.setup = VIM2M(VB2F_HEAP),
};

FIXTURE_VARIANT_ADD(shared, vim2m_udmabuf) {
	.setup = VIM2M(VB2F_UDMABUF),
};

FIXTURE_VARIANT_ADD(shared, visl_heap) {
	.setup = VB2F_VISL(VB2F_HEAP, V4L2_PIX_FMT_NV12M),
};

FIXTURE_VARIANT_ADD(shared, visl_udmabuf) {
	.setup = VB2F_VISL(VB2F_UDMABUF, V4L2_PIX_FMT_NV12M),
};

FIXTURE_SETUP(shared)
{
	setup_dev(_metadata, &self->dev, &variant->setup);
}

FIXTURE_TEARDOWN(shared)
{
	vb2f_close(&self->dev);
}

/* @to becomes another descriptor of @from. */
static void share(struct __test_metadata *_metadata, int from, int *to)
{
	close(*to);
	*to = dup(from);
	ASSERT_LE(0, *to);
}

TEST_F(shared, two_slots)
{
	struct vb2f *dev = &self->dev;
	struct vb2f_info first, second;
	int syncs[2], between;
	__u64 looked;
	int ms;
	int i, p;

	for (p = 0; p < dev->nplanes; p++)
		share(_metadata, dev->cap[0].fd[p], &dev->cap[1].fd[p]);

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		ASSERT_EQ(0, vb2f_set_job_ms(dev, ms));
		vb2f_wipe(dev, &dev->cap[0]);
		for (i = 0; i < 2; i++) {
			vb2f_fill_out(dev, i, ms + i);
			ASSERT_EQ(0, vb2f_qcap(dev, i));
		}
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, vb2f_qout(dev, i, i, 0));

		/* The first fence has to go before the second can be seen */
		syncs[0] = vb2f_wait_active(dev, 0);
		if (syncs[0] >= 0)
			ASSERT_EQ(POLLIN, vb2f_poll(syncs[0], POLLIN,
						    VB2F_TIMEOUT_MS));
		syncs[1] = vb2f_wait_active(dev, 1);
		between = syncs[0] >= 0 ? vb2f_status(syncs[0]) : 0;
		looked = vb2f_now();

		for (i = 0; i < 2; i++) {
			ASSERT_EQ(i, vb2f_dq(dev, true, NULL));
			ASSERT_EQ(i, vb2f_dq(dev, false, NULL));
		}
		if (syncs[0] >= 0 && syncs[1] >= 0) {
			ASSERT_EQ(0, vb2f_info(syncs[0], &first));
			ASSERT_EQ(0, vb2f_info(syncs[1], &second));
			close_all(syncs, 2);
			if (second.fence[0].timestamp_ns > looked)
				break;
			continue;
		}
		for (i = 0; i < 2; i++) {
			if (syncs[i] >= 0)
				close(syncs[i]);
			else
				ASSERT_EQ(-EAGAIN, syncs[i]);
		}
	}
	assert_seen(_metadata, ms);

	EXPECT_EQ(1, between);
	EXPECT_EQ(1, first.status);
	EXPECT_EQ(1, second.status);
	EXPECT_LT(first.fence[0].timestamp_ns, second.fence[0].timestamp_ns);
	for (p = 0; p < dev->nplanes; p++)
		expect_idle(_metadata, dev->cap[0].fd[p]);
	EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[0], ms + 1));
}

/* One dma-buf for both planes */
FIXTURE(planes)
{
	struct vb2f dev;
};

FIXTURE_VARIANT(planes)
{
	struct vb2f_setup setup;
};

FIXTURE_VARIANT_ADD(planes, visl_heap) {
	.setup = VB2F_VISL(VB2F_HEAP, V4L2_PIX_FMT_NV12M),
};

FIXTURE_VARIANT_ADD(planes, visl_udmabuf) {
	.setup = VB2F_VISL(VB2F_UDMABUF, V4L2_PIX_FMT_NV12M),
};

FIXTURE_SETUP(planes)
{
	setup_dev(_metadata, &self->dev, &variant->setup);
}

FIXTURE_TEARDOWN(planes)
{
	vb2f_close(&self->dev);
}

TEST_F(planes, one_dmabuf)
{
	struct vb2f *dev = &self->dev;
	struct look looks[2] = {};
	struct try t = {};

	/* Plane 0 is the larger one */
	share(_metadata, dev->cap[0].fd[0], &dev->cap[0].fd[1]);
	while (next_try(_metadata, dev, &t)) {
		ASSERT_EQ(0, look(dev->cap[0].fd[0], &looks[0]));
		ASSERT_EQ(0, look(dev->cap[0].fd[1], &looks[1]));
		t.looked = vb2f_now();
	}

	EXPECT_EQ(0, looks[0].pollin);
	EXPECT_EQ(0, looks[1].pollin);
	EXPECT_EQ(0, looks[0].readers.status);
	EXPECT_EQ(1, looks[0].readers.num);
	EXPECT_EQ(1, t.job.status);
	expect_idle(_metadata, dev->cap[0].fd[0]);
	expect_idle(_metadata, dev->cap[0].fd[1]);
}

/* V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF: several jobs for one CAPTURE buffer */
FIXTURE(held)
{
	struct vb2f dev;
};

FIXTURE_VARIANT(held)
{
	struct vb2f_setup setup;
};

FIXTURE_VARIANT_ADD(held, visl_mmap) {
	.setup = VB2F_VISL(VB2F_MMAP, V4L2_PIX_FMT_NV12),
};

FIXTURE_VARIANT_ADD(held, visl_heap) {
	.setup = VB2F_VISL(VB2F_HEAP, V4L2_PIX_FMT_NV12),
};

FIXTURE_VARIANT_ADD(held, visl_two_planes_udmabuf) {
	.setup = VB2F_VISL(VB2F_UDMABUF, V4L2_PIX_FMT_NV12M),
};

FIXTURE_SETUP(held)
{
	setup_dev(_metadata, &self->dev, &variant->setup);
}

FIXTURE_TEARDOWN(held)
{
	vb2f_close(&self->dev);
}

#define HOLD	V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF

/*
 * Runs one job that holds CAPTURE buffer @i, and looks all the time: nobody
 * may have to wait for a job that leaves completion to userspace.
 */
static void run_held(struct __test_metadata *_metadata, struct vb2f *dev,
		     int i, int out, int stamp)
{
	int looks = 0;
	__u64 queued;
	int ms, p;

	/* Another one that holds the buffer, if this was over too soon */
	for (ms = VB2F_JOB_MS / 4; !looks; ms *= 2) {
		ASSERT_LE(ms, VB2F_JOB_MS_MAX);
		ASSERT_EQ(0, vb2f_set_job_ms(dev, ms));
		queued = vb2f_now();
		ASSERT_EQ(0, vb2f_qout(dev, out, stamp, HOLD));
		while (!vb2f_poll(dev->req[out], POLLPRI, 0)) {
			ASSERT_GT(queued + VB2F_TIMEOUT_MS * 1000000ULL,
				  vb2f_now());
			for (p = 0; p < dev->nplanes; p++) {
				int fd = dev->cap[i].fd[p];

				ASSERT_EQ(1, vb2f_dmabuf_status(fd));
				ASSERT_EQ(POLLIN, vb2f_poll(fd, POLLIN, 0));
			}
			looks++;
			vb2f_sleep_us(1000);
		}
		EXPECT_EQ(out, vb2f_dq(dev, false, NULL));
	}
}

static void expect_fences(struct __test_metadata *_metadata, struct vb2f *dev,
			  int i, int expected)
{
	int p;
	int count;

	for (p = 0; p < dev->nplanes; p++) {
		count = vb2f_debug_fences(dev->cap[i].fd[p], NULL, NULL);
		if (count != -ENOENT)
			EXPECT_EQ(expected, count);
	}
}

TEST_F(held, last_job_publishes)
{
	struct vb2f *dev = &self->dev;
	struct v4l2_buffer b;
	int jobs, n;
	int ms;
	int sync;

	for (jobs = 2; jobs <= NBUFS; jobs++) {
		int i = jobs - 2;

		for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
			vb2f_wipe(dev, &dev->cap[i]);
			ASSERT_EQ(0, vb2f_qcap(dev, i));
			for (n = 0; n < jobs - 1; n++)
				run_held(_metadata, dev, i, n, jobs);
			if (ms == VB2F_JOB_MS)
				expect_fences(_metadata, dev, i, 0);

			ASSERT_EQ(0, vb2f_set_job_ms(dev, ms));
			ASSERT_EQ(0, vb2f_qout(dev, n, jobs, 0));
			sync = vb2f_wait_active(dev, i);
			ASSERT_EQ(i, vb2f_dq(dev, true, &b));
			ASSERT_EQ(n, vb2f_dq(dev, false, NULL));
			EXPECT_TRUE(!(b.flags & V4L2_BUF_FLAG_ERROR));
			if (sync >= 0)
				break;
			ASSERT_EQ(-EAGAIN, sync);
		}
		assert_seen(_metadata, ms);
		EXPECT_EQ(1, vb2f_status(sync));
		close(sync);
		EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[i], 0));
		expect_fences(_metadata, dev, i, 1);
	}
}

/* The same with all jobs in the queue at once */
TEST_F(held, all_queued_at_once)
{
	struct vb2f *dev = &self->dev;
	int ms;
	int n;
	int others;
	int sync;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		vb2f_wipe(dev, &dev->cap[0]);
		ASSERT_EQ(0, vb2f_set_job_ms(dev, ms));
		ASSERT_EQ(0, vb2f_qcap(dev, 0));
		for (n = 0; n < NBUFS; n++)
			ASSERT_EQ(0, vb2f_qout(dev, n, ms,
					       n < NBUFS - 1 ? HOLD : 0));
		sync = vb2f_wait_active(dev, 0);
		/* A fence means that all jobs but the last are over */
		others = 0;
		for (n = 0; n < NBUFS - 1; n++)
			others += vb2f_poll(dev->req[n], POLLPRI, 0) == POLLPRI;
		ASSERT_EQ(0, vb2f_dq(dev, true, NULL));
		for (n = 0; n < NBUFS; n++)
			ASSERT_EQ(n, vb2f_dq(dev, false, NULL));
		if (sync >= 0)
			break;
		ASSERT_EQ(-EAGAIN, sync);
	}
	assert_seen(_metadata, ms);
	EXPECT_EQ(NBUFS - 1, others);
	EXPECT_EQ(1, vb2f_status(sync));
	close(sync);
	EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[0], 0));
}

/* Another timestamp ends the held buffer: no job, so no fence */
TEST_F(held, returned_by_another_timestamp)
{
	struct vb2f *dev = &self->dev;
	int ms;
	int sync;

	ASSERT_EQ(0, vb2f_qcap(dev, 0));
	run_held(_metadata, dev, 0, 0, 1);
	ASSERT_EQ(0, vb2f_qcap(dev, 1));
	ASSERT_EQ(0, vb2f_set_job_ms(dev, VB2F_JOB_MS));
	ASSERT_EQ(0, vb2f_qout(dev, 1, 2, 0));
	ASSERT_EQ(0, vb2f_dq(dev, true, NULL));
	expect_idle(_metadata, dev->cap[0].fd[0]);
	expect_fences(_metadata, dev, 0, 0);

	sync = vb2f_wait_active(dev, 1);
	ASSERT_EQ(1, vb2f_dq(dev, true, NULL));
	ASSERT_EQ(1, vb2f_dq(dev, false, NULL));
	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		if (sync >= 0)
			break;
		/* Too late to see it */
		ASSERT_EQ(-EAGAIN, sync);
		ASSERT_EQ(0, vb2f_set_job_ms(dev, ms));
		ASSERT_EQ(0, vb2f_qcap(dev, 1));
		ASSERT_EQ(0, vb2f_qout(dev, 1, ms, 0));
		sync = vb2f_wait_active(dev, 1);
		ASSERT_EQ(1, vb2f_dq(dev, true, NULL));
		ASSERT_EQ(1, vb2f_dq(dev, false, NULL));
	}
	ASSERT_LE(0, sync);
	EXPECT_EQ(1, vb2f_status(sync));
	close(sync);
}

/* V4L2_DEC_CMD_FLUSH asks for the held buffer, or for the one being written */
TEST_F(held, flush)
{
	struct v4l2_decoder_cmd cmd = { .cmd = V4L2_DEC_CMD_FLUSH };
	struct vb2f *dev = &self->dev;

	ASSERT_EQ(0, vb2f_qcap(dev, 0));
	run_held(_metadata, dev, 0, 0, 1);
	ASSERT_EQ(0, vb2f_ioctl(dev->fd, VIDIOC_DECODER_CMD, &cmd));
	ASSERT_EQ(0, vb2f_dq(dev, true, NULL));
	expect_idle(_metadata, dev->cap[0].fd[0]);
	expect_fences(_metadata, dev, 0, 0);

	ASSERT_EQ(0, vb2f_set_job_ms(dev, VB2F_JOB_MS));
	ASSERT_EQ(0, vb2f_qcap(dev, 0));
	ASSERT_EQ(0, vb2f_qout(dev, 0, 2, HOLD));
	ASSERT_EQ(0, vb2f_ioctl(dev->fd, VIDIOC_DECODER_CMD, &cmd));
	ASSERT_EQ(0, vb2f_dq(dev, true, NULL));
	ASSERT_EQ(0, vb2f_dq(dev, false, NULL));
	expect_idle(_metadata, dev->cap[0].fd[0]);
	expect_usable(_metadata, dev);
}

TEST_F(held, streamoff)
{
	struct vb2f *dev = &self->dev;

	/* The held buffer is handed back */
	ASSERT_EQ(0, vb2f_qcap(dev, 0));
	run_held(_metadata, dev, 0, 0, 1);
	ASSERT_EQ(0, vb2f_stream(dev, false));
	expect_fences(_metadata, dev, 0, 0);

	/* In the middle of the job that holds it */
	ASSERT_EQ(0, vb2f_stream(dev, true));
	ASSERT_EQ(0, vb2f_set_job_ms(dev, VB2F_JOB_MS));
	ASSERT_EQ(0, vb2f_qcap(dev, 0));
	ASSERT_EQ(0, vb2f_qout(dev, 0, 2, HOLD));
	ASSERT_EQ(0, vb2f_stream(dev, false));
	expect_idle(_metadata, dev->cap[0].fd[0]);
	expect_fences(_metadata, dev, 0, 0);

	ASSERT_EQ(0, vb2f_stream(dev, true));
	expect_usable(_metadata, dev);
}

/* What only vim2m has: transactions of several buffers, and user pointers */
FIXTURE(vim2m)
{
	struct vb2f dev;
};

FIXTURE_VARIANT(vim2m)
{
	struct vb2f_setup setup;
};

FIXTURE_VARIANT_ADD(vim2m, mmap) {
	.setup = VIM2M(VB2F_MMAP),
};

FIXTURE_VARIANT_ADD(vim2m, requests_heap) {
	.setup = VIM2M(VB2F_HEAP, .requests = true),
};

FIXTURE_SETUP(vim2m)
{
	setup_dev(_metadata, &self->dev, &variant->setup);
}

FIXTURE_TEARDOWN(vim2m)
{
	vb2f_close(&self->dev);
}

/* While a queue streams, a kernel may refuse to change the length. */
static void set_transaction(struct __test_metadata *_metadata,
			    struct vb2f *dev, int len)
{
	ASSERT_EQ(0, vb2f_stream(dev, false));
	ASSERT_EQ(0, vb2f_set_ctrl(dev, VB2F_CID_TRANS_NUM_BUFS, len));
	ASSERT_EQ(0, vb2f_stream(dev, true));
}

TEST_F(vim2m, transaction)
{
	int ms;

	set_transaction(_metadata, &self->dev, NBUFS);
	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2)
		if (in_order(_metadata, &self->dev, ms))
			break;
	assert_seen(_metadata, ms);
}

TEST_F(vim2m, transaction_length_changes)
{
	static const int lengths[] = { 1, NBUFS + 2 };
	struct vb2f *dev = &self->dev;
	unsigned int n;
	int status;
	int sync;
	int ret;
	int i;
	int ms;

	for (n = 0; n < ARRAY_SIZE(lengths); n++) {
		for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
			set_transaction(_metadata, dev, NBUFS);
			ASSERT_EQ(0, vb2f_set_job_ms(dev, ms));
			for (i = 0; i < NBUFS; i++) {
				vb2f_fill_out(dev, i, ms + i);
				ASSERT_EQ(0, vb2f_qcap(dev, i));
			}
			for (i = 0; i < NBUFS; i++)
				ASSERT_EQ(0, vb2f_qout(dev, i, i, 0));
			sync = vb2f_wait_active(dev, 0);
			ret = vb2f_set_ctrl(dev, VB2F_CID_TRANS_NUM_BUFS,
					    lengths[n]);
			if (ret != -EBUSY)
				ASSERT_EQ(0, ret);
			status = sync >= 0 ? vb2f_status(sync) : 1;

			/* The transaction ends as it has begun */
			for (i = 0; i < NBUFS; i++) {
				ASSERT_EQ(i, vb2f_dq(dev, true, NULL));
				ASSERT_EQ(i, vb2f_dq(dev, false, NULL));
				EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[i],
							  ms + i));
			}
			if (sync >= 0)
				close(sync);
			else
				ASSERT_EQ(-EAGAIN, sync);
			if (!status)
				break;
		}
		assert_seen(_metadata, ms);
	}

	for (i = 0; i < NBUFS; i++)
		expect_idle(_metadata, dev->cap[i].fd[0]);
	set_transaction(_metadata, dev, 1);
	expect_usable(_metadata, dev);
}

TEST_F(vim2m, streamoff_in_transaction)
{
	struct vb2f *dev = &self->dev;
	struct vb2f_job job;
	int i;
	int ms;
	__u64 before;
	int ret;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		set_transaction(_metadata, dev, NBUFS);
		for (i = 1; i < NBUFS; i++)
			ASSERT_EQ(0, vb2f_qout(dev, i, i, 0));
		for (i = 1; i < NBUFS; i++)
			ASSERT_EQ(0, vb2f_qcap(dev, i));
		ASSERT_EQ(0, vb2f_job_queue(dev, ms, &job));
		/* Buffer 0 was queued last */
		ret = vb2f_wait_active(dev, 1);
		before = vb2f_now();
		ASSERT_EQ(0, vb2f_stream(dev, false));
		for (i = 0; i < NBUFS; i++)
			expect_idle(_metadata, dev->cap[i].fd[0]);
		ASSERT_EQ(0, vb2f_stream(dev, true));
		if (ret == -EAGAIN)
			continue;
		ASSERT_LE(0, ret);
		job.sync = ret;
		ASSERT_EQ(0, vb2f_job_wait(&job));
		EXPECT_EQ(1, job.status);
		close(job.sync);
		if (job.signaled > before)
			break;
	}
	assert_seen(_metadata, ms);

	set_transaction(_metadata, dev, 1);
	expect_usable(_metadata, dev);
}

/* One transaction runs and another one waits when the last of the file goes */
TEST_F(vim2m, close_in_transaction)
{
	struct vb2f *dev = &self->dev;
	int fds[2 * NBUFS];
	struct vb2f_job job;
	__u64 before;
	int i, ms;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		vb2f_close(dev);
		ASSERT_EQ(0, vb2f_open(dev, &variant->setup));
		ASSERT_EQ(0, vb2f_alloc(dev, 2 * NBUFS, 2 * NBUFS));
		ASSERT_EQ(0, vb2f_set_ctrl(dev, VB2F_CID_TRANS_NUM_BUFS,
					   NBUFS));
		ASSERT_EQ(0, vb2f_stream(dev, true));
		ASSERT_EQ(0, vb2f_set_job_ms(dev, ms));
		for (i = 0; i < 2 * NBUFS; i++) {
			fds[i] = dup(dev->cap[i].fd[0]);
			ASSERT_LE(0, fds[i]);
			ASSERT_EQ(0, vb2f_qcap(dev, i));
		}
		for (i = 0; i < 2 * NBUFS; i++)
			ASSERT_EQ(0, vb2f_qout(dev, i, i, 0));
		job.sync = vb2f_wait_active(dev, 0);
		before = vb2f_now();
		vb2f_drop_out(dev);
		close(dev->fd);
		dev->fd = -1;
		for (i = 0; i < 2 * NBUFS; i++)
			EXPECT_EQ(1, vb2f_dmabuf_status(fds[i]));
		close_all(fds, 2 * NBUFS);
		if (job.sync == -EAGAIN)
			continue;
		ASSERT_LE(0, job.sync);
		ASSERT_EQ(0, vb2f_job_wait(&job));
		close(job.sync);
		if (job.signaled > before)
			break;
	}
	assert_seen(_metadata, ms);
	EXPECT_EQ(1, job.status);

	vb2f_close(dev);
	setup_dev(_metadata, dev, &variant->setup);
	expect_usable(_metadata, dev);
}

/* Without a dma-buf nobody sees a fence, and nothing else changes */
TEST_F(vim2m, userptr)
{
	static const struct vb2f_setup setup = VIM2M(VB2F_USERPTR);
	struct v4l2_buffer b;
	struct vb2f_job job;
	struct vb2f dev;

	ASSERT_EQ(0, vb2f_open(&dev, &setup));
	ASSERT_EQ(0, vb2f_alloc(&dev, 1, 1));
	ASSERT_EQ(0, vb2f_stream(&dev, true));
	ASSERT_EQ(0, vb2f_job_queue(&dev, 20, &job));
	EXPECT_EQ(0, vb2f_dq(&dev, true, &b));
	EXPECT_EQ(0, vb2f_dq(&dev, false, NULL));
	EXPECT_TRUE(!(b.flags & V4L2_BUF_FLAG_ERROR));
	EXPECT_TRUE(vb2f_is_drawn(&dev, &dev.cap[0], job.seed));

	/* And one that ends early */
	EXPECT_EQ(0, vb2f_job_queue(&dev, VB2F_JOB_MS, &job));
	EXPECT_EQ(0, vb2f_stream(&dev, false));
	vb2f_close(&dev);
}

/* Two devices, the first with memory of its own, and one buffer of it */
FIXTURE(pair)
{
	struct vb2f a;
	struct vb2f b;
};

FIXTURE_VARIANT(pair)
{
	struct vb2f_setup a;
	struct vb2f_setup b;
};

FIXTURE_VARIANT_ADD(pair, vim2m_exports) {
	.a = VIM2M(VB2F_MMAP),
	.b = VB2F_VISL(VB2F_HEAP, V4L2_PIX_FMT_NV12),
};

FIXTURE_VARIANT_ADD(pair, visl_exports) {
	.a = VB2F_VISL(VB2F_MMAP, V4L2_PIX_FMT_NV12),
	/* Small enough for the memory of the other */
	.b = VB2F_VIM2M(VB2F_HEAP, 320, 240),
};

FIXTURE_SETUP(pair)
{
	setup_dev(_metadata, &self->a, &variant->a);
	if (_metadata->exit_code)
		return;
	setup_dev(_metadata, &self->b, &variant->b);
}

FIXTURE_TEARDOWN(pair)
{
	vb2f_close(&self->b);
	vb2f_close(&self->a);
}

/* Start a job on @a, and a shorter one on @b; both have been seen active */
static int start_both(struct vb2f *a, struct vb2f_job *job_a, struct vb2f *b,
		      struct vb2f_job *job_b, int ms)
{
	int ret;

	ret = vb2f_job_start(a, 2 * ms, job_a);
	if (ret)
		return ret;
	ret = vb2f_job_queue(b, ms, job_b);
	if (ret)
		return ret;
	job_b->sync = vb2f_wait_active(b, 0);
	if (job_b->sync >= 0)
		return 0;
	if (job_b->sync != -EAGAIN)
		return job_b->sync;
	ret = vb2f_job_finish(a, job_a);
	close(job_a->sync);
	if (ret)
		return ret;
	ret = vb2f_dq(b, true, NULL);
	if (ret >= 0)
		ret = vb2f_dq(b, false, NULL);
	return ret < 0 ? ret : -EAGAIN;
}

static int finish_both(struct vb2f *a, struct vb2f_job *job_a, struct vb2f *b,
		       struct vb2f_job *job_b)
{
	int ret;

	ret = vb2f_job_finish(b, job_b);
	if (!ret)
		ret = vb2f_job_finish(a, job_a);
	close(job_a->sync);
	close(job_b->sync);
	return ret;
}

TEST_F(pair, merge)
{
	struct vb2f *a = &self->a, *b = &self->b;
	struct vb2f_info active, end;
	struct vb2f_job job_a, job_b;
	__u64 looked, woken = 0;
	int ms;
	int ret;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		int merged;

		ret = start_both(a, &job_a, b, &job_b, ms);
		if (ret == -EAGAIN)
			continue;
		ASSERT_EQ(0, ret);
		merged = vb2f_merge(job_a.sync, job_b.sync);
		ASSERT_LE(0, merged);
		ASSERT_EQ(0, vb2f_info(merged, &active));
		looked = vb2f_now();
		EXPECT_EQ(POLLIN, vb2f_poll(merged, POLLIN, VB2F_TIMEOUT_MS));
		woken = vb2f_now();
		ASSERT_EQ(0, finish_both(a, &job_a, b, &job_b));
		ASSERT_EQ(0, vb2f_info(merged, &end));
		close(merged);
		if (job_a.signaled > looked && job_b.signaled > looked)
			break;
	}
	assert_seen(_metadata, ms);

	EXPECT_EQ(0, active.status);
	EXPECT_EQ(2, active.num);
	EXPECT_STRNE(active.fence[0].driver_name, active.fence[1].driver_name);
	EXPECT_EQ(1, end.status);
	EXPECT_LE(job_a.signaled, woken);
	EXPECT_LE(job_b.signaled, woken);
}

/* A consumer's fence concerns writers only; ours concerns both */
TEST_F(pair, readers_and_writers)
{
	struct vb2f *a = &self->a, *b = &self->b;
	struct vb2f_job job_a, job_b;
	struct look before, during;
	__u64 looked;
	int ms;
	int ret;

	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		struct dma_buf_import_sync_file arg = {
			.flags = DMA_BUF_SYNC_READ,
		};

		/* The fence of b plays the reader of a's buffer */
		ret = vb2f_job_start(b, 2 * ms, &job_b);
		if (ret == -EAGAIN)
			continue;
		ASSERT_EQ(0, ret);
		arg.fd = job_b.sync;
		ASSERT_EQ(0, vb2f_ioctl(a->cap[0].fd[0],
					DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg));
		ASSERT_EQ(0, look(a->cap[0].fd[0], &before));

		ret = vb2f_job_start(a, ms, &job_a);
		if (ret == -EAGAIN) {
			ASSERT_EQ(0, vb2f_job_finish(b, &job_b));
			close(job_b.sync);
			continue;
		}
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, look(a->cap[0].fd[0], &during));
		looked = vb2f_now();
		ASSERT_EQ(0, finish_both(b, &job_b, a, &job_a));
		if (job_a.signaled > looked && job_b.signaled > looked)
			break;
	}
	assert_seen(_metadata, ms);

	EXPECT_EQ(POLLIN, before.pollin);
	EXPECT_EQ(0, before.pollout);
	EXPECT_EQ(1, before.readers.status);
	EXPECT_EQ(0, before.writers.status);
	EXPECT_EQ(0, during.pollin);
	EXPECT_EQ(0, during.pollout);
	EXPECT_EQ(0, during.readers.status);
	EXPECT_EQ(1, during.readers.num);
	EXPECT_EQ(2, during.writers.num);
	expect_idle(_metadata, a->cap[0].fd[0]);
}

/* a's memory is b's CAPTURE buffer: one reservation object for both */
TEST_F(pair, import_from_the_other)
{
	struct vb2f *a = &self->a, *b = &self->b;
	struct vb2f_job job_a, job_b;
	struct look one, both;
	struct try t = {};
	__u64 looked;
	int again;
	int ms;

	vb2f_drop_buf(b, &b->cap[0]);
	b->cap[0].fd[0] = dup(a->cap[0].fd[0]);
	ASSERT_LE(0, b->cap[0].fd[0]);
	ASSERT_EQ(0, vb2f_map_buf(b, &b->cap[0]));
	again = vb2f_expbuf(a, 0, 0);
	ASSERT_LE(0, again);

	/* The importer's job is seen through another export of the exporter */
	while (next_try(_metadata, b, &t)) {
		ASSERT_EQ(0, look(again, &one));
		t.looked = vb2f_now();
	}
	EXPECT_EQ(0, one.pollin);
	EXPECT_EQ(1, one.readers.num);
	EXPECT_STREQ(b->name, one.readers.fence[0].driver_name);

	/* Both write at once: foolish, but everyone waits for both of them */
	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		ASSERT_EQ(0, vb2f_job_queue(a, 2 * ms, &job_a));
		ASSERT_EQ(0, vb2f_job_queue(b, ms, &job_b));
		job_a.sync = vb2f_wait_active(a, 0);
		job_b.sync = vb2f_wait_active(b, 0);
		ASSERT_EQ(0, look(again, &both));
		looked = vb2f_now();
		if (job_a.sync < 0 || job_b.sync < 0 || both.readers.num < 2) {
			/* Over, or not yet begun: again, and longer */
			ASSERT_LE(0, vb2f_dq(a, true, NULL));
			ASSERT_LE(0, vb2f_dq(a, false, NULL));
			ASSERT_LE(0, vb2f_dq(b, true, NULL));
			ASSERT_LE(0, vb2f_dq(b, false, NULL));
			close(job_a.sync);
			close(job_b.sync);
			continue;
		}
		ASSERT_EQ(0, finish_both(a, &job_a, b, &job_b));
		if (job_a.signaled > looked)
			break;
	}
	assert_seen(_metadata, ms);
	EXPECT_EQ(0, both.pollin);
	EXPECT_EQ(0, both.readers.status);
	EXPECT_EQ(2, both.readers.num);
	EXPECT_STRNE(both.readers.fence[0].driver_name,
		     both.readers.fence[1].driver_name);
	EXPECT_EQ(1, job_a.status);
	EXPECT_EQ(1, job_b.status);
	expect_idle(_metadata, again);
	close(again);
}

/* How userspace learns of it */
FIXTURE(capability)
{
	struct vb2f dev;
};

FIXTURE_VARIANT(capability)
{
	struct vb2f_setup setup;
};

FIXTURE_VARIANT_ADD(capability, vim2m_mplane) {
	.setup = VIM2M(VB2F_MMAP, .mplane = true),
};

/* Last, and so what vim2m is from now on */
FIXTURE_VARIANT_ADD(capability, vim2m) {
	.setup = VIM2M(VB2F_MMAP),
};

FIXTURE_VARIANT_ADD(capability, visl) {
	.setup = VB2F_VISL(VB2F_MMAP, V4L2_PIX_FMT_NV12),
};

FIXTURE_SETUP(capability)
{
	int ret = vb2f_open(&self->dev, &variant->setup);

	if (vb2f_missing(ret))
		SKIP(return, "%s: %s", variant->setup.driver,
		     vb2f_missing(ret));
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(capability)
{
	vb2f_close(&self->dev);
}

TEST_F(capability, of_capture_queue_only)
{
	static const __u32 memory[] = {
		V4L2_MEMORY_MMAP, V4L2_MEMORY_DMABUF, V4L2_MEMORY_USERPTR,
	};
	struct vb2f *dev = &self->dev;
	__u32 types[] = { dev->cap_type, dev->out_type };
	unsigned int m, t;

	for (t = 0; t < ARRAY_SIZE(types); t++) {
		__u32 expected = types[t] == dev->cap_type ?
				 V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES : 0;

		for (m = 0; m < ARRAY_SIZE(memory); m++) {
			struct v4l2_create_buffers create = {
				.memory = memory[m],
				.format = { .type = types[t] },
			};
			__u32 caps;

			/* A capability does not depend on what is asked for */
			if (memory[m] == V4L2_MEMORY_USERPTR &&
			    !(dev->cap_caps & V4L2_BUF_CAP_SUPPORTS_USERPTR))
				continue;
			ASSERT_EQ(0, vb2f_reqbufs(dev, types[t], memory[m], 0,
						  &caps));
			EXPECT_EQ(expected, caps &
				  V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES);

			ASSERT_EQ(0, vb2f_ioctl(dev->fd, VIDIOC_G_FMT,
						&create.format));
			ASSERT_EQ(0, vb2f_ioctl(dev->fd, VIDIOC_CREATE_BUFS,
						&create));
			EXPECT_EQ(expected, create.capabilities &
				  V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES);
		}
	}
}

TEST_HARNESS_MAIN
