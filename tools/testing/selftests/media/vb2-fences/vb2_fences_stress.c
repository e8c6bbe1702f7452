// SPDX-License-Identifier: GPL-2.0
/*
 * vb2 release fences under load: several contexts on one device, each a process
 * of its own with a consumer in yet another one, that ends its streams at
 * random; and the device that goes away under them. Nothing may hang or leak,
 * and whoever waits for a fence gets a whole frame.
 *
 * The random numbers begin with VB2_FENCES_SEED, if that is set.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "vb2_fences_util.h"

#define CONTEXTS	4
#define FRAMES		60	/* of each context */

/* What a process tells the test */
struct stats {
	int frames;
	int watched;		/* of them with a fence for the consumer */
	int stops;
	int err;
};

/* One frame for the consumer, or its answer */
struct msg {
	int index;
	unsigned int seed;
	int status;
	bool drawn;
	__u64 signaled;
};

FIXTURE(stress)
{
	char name[32];		/* of the platform device */
	struct stats *stats;
	int dmabufs;
};

FIXTURE_VARIANT(stress)
{
	struct vb2f_setup setup;
	int nbufs;
};

FIXTURE_VARIANT_ADD(stress, vim2m_mmap) {
	.setup = VB2F_VIM2M(VB2F_MMAP, 128, 96),
	.nbufs = 32,
};

FIXTURE_VARIANT_ADD(stress, vim2m_requests_udmabuf) {
	.setup = VB2F_VIM2M(VB2F_UDMABUF, 128, 96, .requests = true),
	.nbufs = 32,
};

FIXTURE_VARIANT_ADD(stress, visl_two_planes_mmap) {
	.setup = VB2F_VISL(VB2F_MMAP, V4L2_PIX_FMT_NV12M),
	.nbufs = 8,
};

FIXTURE_VARIANT_ADD(stress, visl_heap) {
	.setup = VB2F_VISL(VB2F_HEAP, V4L2_PIX_FMT_NV12),
	.nbufs = 8,
};

FIXTURE_SETUP(stress)
{
	struct vb2f dev;
	int ret;

	ret = vb2f_open(&dev, &variant->setup);
	if (!ret)
		ret = vb2f_alloc(&dev, 1, 1);
	if (vb2f_missing(ret))
		SKIP(return, "%s: %s", variant->setup.driver,
		     vb2f_missing(ret));
	ASSERT_EQ(0, ret);
	strcpy(self->name, dev.name);
	vb2f_close(&dev);
	self->stats = mmap(NULL, CONTEXTS * sizeof(*self->stats),
			   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	ASSERT_NE(MAP_FAILED, self->stats);
	self->dmabufs = vb2f_debug_dmabufs();
}

FIXTURE_TEARDOWN(stress)
{
	munmap(self->stats, CONTEXTS * sizeof(*self->stats));
}

static int bad(const char *what, int err)
{
	err = err < 0 ? err : -EIO;
	if (err != -ENODEV)
		fprintf(stderr, "# %d: %s: %d\n", getpid(), what, err);
	return err;
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	if (!dir)
		return -errno;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/*
 * Whoever has a fence waits for it, and looks at the frame. Before that it
 * bothers other buffers, as compositors do.
 */
static void consume(const struct vb2f *dev, struct vb2f_buf *bufs, int nbufs,
		    int sock)
{
	struct vb2f_info info;
	struct msg msg;
	int other, sync, merged, tmp, ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!vb2f_recv(sock, &msg, sizeof(msg), &sync, 1)) {
		other = bufs[rand() % nbufs].fd[rand() % dev->nplanes];
		vb2f_poll(other, rand() % 2 ? POLLIN : POLLIN | POLLOUT, 0);
		tmp = vb2f_export(other, DMA_BUF_SYNC_RW);
		merged = vb2f_merge(sync, tmp);
		if (tmp < 0 || merged < 0)
			_exit(1);
		vb2f_poll(merged, POLLIN, rand() % 3);
		close(merged);
		close(tmp);

		ret = vb2f_poll(sync, POLLIN, VB2F_TIMEOUT_MS);
		msg.drawn = vb2f_is_drawn(dev, &bufs[msg.index], msg.seed);
		msg.status = ret > 0 ? vb2f_status(sync) : -ETIMEDOUT;
		if (vb2f_info(sync, &info))
			_exit(1);
		msg.signaled = info.fence[0].timestamp_ns;
		close(sync);
		if (vb2f_send(sock, &msg, sizeof(msg), NULL, 0))
			_exit(1);
	}
	_exit(0);
}

enum owner { IDLE, QUEUED, WATCHED };

struct producer {
	struct vb2f dev;
	int sock;			/* to the consumer */
	enum owner owner[VB2F_MAX_BUFS];
	unsigned int seed[VB2F_MAX_BUFS];
	int fifo[VB2F_MAX_BUFS];	/* in the order of their jobs */
	int queued;
	unsigned int sequence;		/* of the next frame */
	__u64 signaled;			/* the last fence was */
	__u64 seqno;			/* the last one that was looked up */
	struct stats *stats;
};

static int queue_all(struct producer *p)
{
	struct vb2f *dev = &p->dev;
	static unsigned int seed;
	int i, ret;

	for (i = 0; i < dev->ncap && i < dev->nout; i++) {
		if (p->owner[i] != IDLE)
			continue;
		p->seed[i] = ++seed;
		vb2f_wipe(dev, &dev->cap[i]);
		vb2f_fill_out(dev, i, p->seed[i]);
		ret = vb2f_qcap(dev, i);
		if (!ret)
			ret = vb2f_qout(dev, i, seed % 1000000, 0);
		if (ret)
			return bad("QBUF", ret);
		p->owner[i] = QUEUED;
		p->fifo[p->queued++] = i;
	}
	return 0;
}

/* Give the fence of the job that is running, if any, to the consumer. */
static int watch(struct producer *p)
{
	int i = p->fifo[0];
	struct msg msg = { .index = i, .seed = p->seed[i] };
	int fd = p->dev.cap[i].fd[p->dev.nplanes - 1];
	__u64 context, seqno;
	int sync, ret;

	if (p->owner[i] != QUEUED)
		return 0;
	sync = vb2f_export(fd, DMA_BUF_SYNC_READ);
	if (sync < 0)
		return bad("export", sync);
	ret = vb2f_status(sync);
	if (ret < 0) {
		ret = bad("status", ret);
	} else if (ret) {
		ret = 0;
	} else {
		p->owner[i] = WATCHED;
		p->stats->watched++;
		ret = vb2f_send(p->sock, &msg, sizeof(msg), &sync, 1);
		/* Once in a while: it goes through all dma-bufs there are */
		if (!ret && p->stats->watched % 16 == 1 &&
		    vb2f_debug_fences(fd, &context, &seqno) > 0) {
			if (seqno <= p->seqno)
				ret = bad("sequence number", 0);
			p->seqno = seqno;
		}
	}
	close(sync);
	return ret;
}

/* The job of the first buffer in the fifo is over. */
static int check(struct producer *p)
{
	int i = p->fifo[0];
	struct msg msg;
	int ret;

	p->queued--;
	memmove(p->fifo, p->fifo + 1, p->queued * sizeof(p->fifo[0]));
	if (p->owner[i] == QUEUED) {
		p->owner[i] = IDLE;
		return 0;
	}
	p->owner[i] = IDLE;
	ret = vb2f_recv(p->sock, &msg, sizeof(msg), NULL, 0);
	if (ret || msg.index != i)
		return bad("consumer", ret);
	if (msg.status != 1)
		return bad("fence", msg.status);
	if (!msg.drawn)
		return bad("frame at wake-up", 0);
	if (msg.signaled < p->signaled)
		return bad("timestamp of the fence", 0);
	p->signaled = msg.signaled;
	return 0;
}

static int collect(struct producer *p)
{
	struct vb2f *dev = &p->dev;
	int i = p->fifo[0];
	struct v4l2_buffer b;
	int ret;

	ret = vb2f_dq(dev, true, &b);
	if (ret != i)
		return bad("DQBUF of CAPTURE", ret);
	if (b.flags & V4L2_BUF_FLAG_ERROR || b.sequence != p->sequence++)
		return bad("flags or sequence", 0);
	ret = vb2f_dq(dev, false, NULL);
	if (ret != i)
		return bad("DQBUF of OUTPUT", ret);
	if (!vb2f_is_drawn(dev, &dev->cap[i], p->seed[i]))
		return bad("frame", 0);
	p->stats->frames++;
	return check(p);
}

static int stop(struct producer *p)
{
	struct vb2f *dev = &p->dev;
	__u32 types[] = { dev->out_type, dev->cap_type };
	int first = rand() % 2;
	int ret;

	ret = vb2f_ioctl(dev->fd, VIDIOC_STREAMOFF, &types[first]);
	if (!ret)
		ret = vb2f_ioctl(dev->fd, VIDIOC_STREAMOFF, &types[!first]);
	if (ret)
		return bad("STREAMOFF", ret);
	while (p->queued) {
		/* Nobody is left who has to wait */
		ret = vb2f_dmabuf_status(dev->cap[p->fifo[0]].fd[0]);
		if (ret != 1)
			return bad("fence after STREAMOFF", ret);
		ret = check(p);
		if (ret)
			return ret;
	}
	p->sequence = 0;
	p->stats->stops++;
	return 0;
}

static int start(struct producer *p)
{
	int ret;

	ret = vb2f_set_job_ms(&p->dev, 1 + rand() % 3);
	if (!ret)
		ret = vb2f_stream(&p->dev, true);
	return ret ? bad("STREAMON", ret) : 0;
}

static int work(struct producer *p, int frames)
{
	__u64 end = vb2f_now() + 60 * 1000000000ULL;
	int next_stop = rand() % FRAMES;	/* one at least */
	struct v4l2_capability cap;
	int ret, events;

	ret = start(p);
	while (!ret && p->stats->frames < frames) {
		if (vb2f_now() > end)
			return bad("too slow", -ETIMEDOUT);
		ret = queue_all(p);
		if (!ret)
			ret = watch(p);
		if (ret)
			break;
		events = vb2f_poll(p->dev.fd, POLLIN, 1);
		if (events & POLLIN)
			ret = collect(p);
		else if (events & POLLERR)
			ret = vb2f_ioctl(p->dev.fd, VIDIOC_QUERYCAP, &cap);
		if (!ret && !next_stop--) {
			next_stop = rand() % FRAMES;
			ret = stop(p);
			if (!ret)
				ret = start(p);
		}
	}
	return ret ?: stop(p);
}

static int produce(const struct vb2f_setup *setup, int nbufs, int frames,
		   struct stats *stats)
{
	struct producer p = { .stats = stats };
	int fds = count_fds();
	int socks[2], ret, i;
	pid_t pid;

	ret = vb2f_open(&p.dev, setup);
	if (!ret)
		ret = vb2f_alloc(&p.dev, nbufs, nbufs);
	if (ret)
		return bad("open", ret);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return bad("socketpair", -errno);
	pid = fork();
	if (pid < 0)
		return bad("fork", -errno);
	if (!pid) {
		/* It has the dma-bufs, and nothing else of the device */
		vb2f_drop_out(&p.dev);
		close(socks[0]);
		close(p.dev.fd);
		consume(&p.dev, p.dev.cap, p.dev.ncap, socks[1]);
	}
	close(socks[1]);
	p.sock = socks[0];

	ret = work(&p, frames);
	/* The device is gone: still, every fence that was seen signals */
	while (ret == -ENODEV && p.queued) {
		i = check(&p);
		if (i)
			ret = i;
	}
	close(p.sock);
	i = vb2f_wait_child(pid);
	if (i)
		ret = bad("consumer's end", i);
	vb2f_close(&p.dev);
	if (count_fds() != fds)
		ret = bad("file descriptors", 0);
	return ret;
}

static void start_contexts(struct __test_metadata *_metadata, pid_t *pids,
			   const struct vb2f_setup *setup, int nbufs,
			   int frames, struct stats *stats)
{
	const char *env = getenv("VB2_FENCES_SEED");
	unsigned int seed = env ? strtoul(env, NULL, 0) : vb2f_now() / 1000;
	int i;

	TH_LOG("VB2_FENCES_SEED=%u", seed);
	for (i = 0; i < CONTEXTS; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		srand(seed + i);
		stats[i].err = produce(setup, nbufs, frames, &stats[i]);
		_exit(0);
	}
}

static void wait_contexts(struct __test_metadata *_metadata, pid_t *pids)
{
	int i, status;

	/* They don't wait for anything for ever, and neither do we */
	for (i = 0; i < CONTEXTS; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
}

TEST_F_TIMEOUT(stress, contexts, 90)
{
	struct stats sum = {};
	pid_t pids[CONTEXTS];
	int i;

	start_contexts(_metadata, pids, &variant->setup, variant->nbufs, FRAMES,
		       self->stats);
	wait_contexts(_metadata, pids);
	for (i = 0; i < CONTEXTS; i++) {
		EXPECT_EQ(0, self->stats[i].err);
		sum.frames += self->stats[i].frames;
		sum.watched += self->stats[i].watched;
		sum.stops += self->stats[i].stops;
	}
	TH_LOG("%d frames, %d fences, %d stops", sum.frames, sum.watched,
	       sum.stops);
	EXPECT_LE(CONTEXTS * FRAMES, sum.frames);
	EXPECT_LT(0, sum.watched);
	EXPECT_LT(CONTEXTS, sum.stops);
	EXPECT_EQ(self->dmabufs, vb2f_debug_dmabufs());
}

TEST_F_TIMEOUT(stress, unbind, 90)
{
	struct vb2f dev = { .setup = &variant->setup };
	pid_t pids[CONTEXTS], pid;
	struct vb2f_job job;
	int i, watched = 0;

	start_contexts(_metadata, pids, &variant->setup, variant->nbufs,
		       1 << 30, self->stats);
	for (i = 0; i < CONTEXTS; i++)
		while (self->stats[i].watched < 5 && !self->stats[i].err)
			vb2f_sleep_us(1000);

	strcpy(dev.name, self->name);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(vb2f_bind(&dev, false) ? 1 : 0);
	EXPECT_EQ(0, vb2f_wait_child(pid));
	wait_contexts(_metadata, pids);
	EXPECT_EQ(0, vb2f_bind(&dev, true));
	for (i = 0; i < CONTEXTS; i++) {
		EXPECT_EQ(-ENODEV, self->stats[i].err);
		watched += self->stats[i].watched;
	}
	EXPECT_LT(0, watched);

	ASSERT_EQ(0, vb2f_open(&dev, &variant->setup));
	ASSERT_EQ(0, vb2f_alloc(&dev, 1, 1));
	ASSERT_EQ(0, vb2f_stream(&dev, true));
	ASSERT_EQ(0, vb2f_job_queue(&dev, 1, &job));
	EXPECT_EQ(0, vb2f_dq(&dev, true, NULL));
	EXPECT_TRUE(vb2f_is_drawn(&dev, &dev.cap[0], job.seed));
	vb2f_close(&dev);
	EXPECT_EQ(self->dmabufs, vb2f_debug_dmabufs());
}

/*
 * Two dma-bufs that are the CAPTURE buffers of both devices, in both orders,
 * while others look: locks are taken in all ways that there are.
 */
FIXTURE(crossed)
{
	struct stats *stats;
	int fds[3];
};

FIXTURE_VARIANT(crossed)
{
	enum vb2f_memory memory;
};

FIXTURE_VARIANT_ADD(crossed, heap) {
	.memory = VB2F_HEAP,
};

FIXTURE_VARIANT_ADD(crossed, udmabuf) {
	.memory = VB2F_UDMABUF,
};

static struct vb2f_setup crossed_setups[] = {
	VB2F_VIM2M(VB2F_HEAP, 640, 360),
	VB2F_VISL(VB2F_HEAP, V4L2_PIX_FMT_NV12M),
};

FIXTURE_SETUP(crossed)
{
	struct vb2f dev;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(crossed_setups) && !ret; i++) {
		crossed_setups[i].memory = variant->memory;
		ret = vb2f_open(&dev, &crossed_setups[i]);
		if (!ret)
			ret = vb2f_alloc(&dev, 1, 1);
		if (!ret)
			vb2f_close(&dev);
	}
	if (vb2f_missing(ret))
		SKIP(return, "%s", vb2f_missing(ret));
	ASSERT_EQ(0, ret);

	self->stats = mmap(NULL, CONTEXTS * sizeof(*self->stats),
			   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	ASSERT_NE(MAP_FAILED, self->stats);
	/* One, the other, and the one again: each has room for vim2m's frame */
	for (i = 0; i < 2; i++) {
		self->fds[i] = vb2f_alloc_dmabuf(variant->memory,
						 640 * 360 * 2);
		ASSERT_LE(0, self->fds[i]);
	}
	self->fds[2] = self->fds[0];
}

FIXTURE_TEARDOWN(crossed)
{
	close(self->fds[0]);
	close(self->fds[1]);
	munmap(self->stats, CONTEXTS * sizeof(*self->stats));
}

static int run_jobs(const struct vb2f_setup *setup, const int *fds,
		    struct stats *stats)
{
	struct v4l2_buffer b;
	struct vb2f dev;
	int ret, plane;

	ret = vb2f_open(&dev, setup);
	if (!ret)
		ret = vb2f_alloc(&dev, 1, 1);
	if (ret)
		return bad("open", ret);
	for (plane = 0; plane < dev.nplanes; plane++)
		if (dup2(fds[plane], dev.cap[0].fd[plane]) < 0)
			return bad("dup2", -errno);
	ret = vb2f_set_job_ms(&dev, 1);
	if (!ret)
		ret = vb2f_stream(&dev, true);
	while (!ret && stats->frames < FRAMES) {
		ret = vb2f_qcap(&dev, 0);
		if (!ret)
			ret = vb2f_qout(&dev, 0, stats->frames, 0);
		if (!ret)
			ret = vb2f_dq(&dev, true, &b);
		if (!ret && b.flags & V4L2_BUF_FLAG_ERROR)
			ret = -EIO;
		if (!ret)
			ret = vb2f_dq(&dev, false, NULL);
		stats->frames++;
	}
	vb2f_close(&dev);
	return ret ? bad("job", ret) : 0;
}

TEST_F_TIMEOUT(crossed, contexts, 90)
{
	int i, a, b, both, waited = 0;
	pid_t pids[CONTEXTS];

	for (i = 0; i < CONTEXTS; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		self->stats[i].err = run_jobs(&crossed_setups[i / 2],
					      self->fds + i % 2,
					      &self->stats[i]);
		_exit(0);
	}

	for (i = 0; i < CONTEXTS; i++) {
		while (self->stats[i].frames < FRAMES && !self->stats[i].err) {
			a = vb2f_export(self->fds[0], DMA_BUF_SYNC_READ);
			b = vb2f_export(self->fds[1], DMA_BUF_SYNC_RW);
			both = vb2f_merge(a, b);
			ASSERT_LE(0, both);
			if (!vb2f_status(both)) {
				EXPECT_EQ(POLLIN, vb2f_poll(both, POLLIN,
							    VB2F_TIMEOUT_MS));
				EXPECT_EQ(1, vb2f_status(both));
				waited++;
			}
			vb2f_poll(self->fds[i % 2], POLLIN | POLLOUT, 1);
			close(both);
			close(b);
			close(a);
		}
	}
	wait_contexts(_metadata, pids);
	for (i = 0; i < CONTEXTS; i++)
		EXPECT_EQ(0, self->stats[i].err);
	EXPECT_LT(0, waited);
	EXPECT_EQ(1, vb2f_dmabuf_status(self->fds[0]));
	EXPECT_EQ(1, vb2f_dmabuf_status(self->fds[1]));
}

TEST_HARNESS_MAIN
