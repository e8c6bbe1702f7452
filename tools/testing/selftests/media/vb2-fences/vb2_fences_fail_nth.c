// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation failures on the way to a published fence.
 *
 * The driver attaches the fence in the ioctl that makes the job ready, if the
 * device is idle. So let the first, the second, the nth allocation of that
 * ioctl fail, until it makes do with fewer than n. A job whose fence cannot be
 * had must not run: its buffer comes back with the error flag, and nobody has
 * ever seen a fence.
 */
#include "kselftest_harness.h"
#include "vb2_fences_util.h"

#define MAX_NTH		1000
#define MAX_SWEEPS	3

FIXTURE(fail_nth)
{
	struct vb2f dev;
	int fd;			/* of fail-nth */
};

FIXTURE_VARIANT(fail_nth)
{
	struct vb2f_setup setup;
};

FIXTURE_VARIANT_ADD(fail_nth, vim2m_mmap) {
	.setup = VB2F_VIM2M(VB2F_MMAP, 64, 64),
};

FIXTURE_VARIANT_ADD(fail_nth, vim2m_heap) {
	.setup = VB2F_VIM2M(VB2F_HEAP, 64, 64),
};

FIXTURE_VARIANT_ADD(fail_nth, visl_mmap) {
	.setup = VB2F_VISL(VB2F_MMAP, V4L2_PIX_FMT_NV12),
};

FIXTURE_VARIANT_ADD(fail_nth, visl_two_planes_udmabuf) {
	.setup = VB2F_VISL(VB2F_UDMABUF, V4L2_PIX_FMT_NV12M),
};

/* Returns the file that makes allocations fail. */
static int prepare(struct vb2f *dev, const struct vb2f_setup *setup)
{
	int ret;

	ret = vb2f_open(dev, setup);
	if (ret)
		return ret;
	vb2f_close(dev);
	return vb2f_open_fail_nth();
}

FIXTURE_SETUP(fail_nth)
{
	int ret = prepare(&self->dev, &variant->setup);

	if (vb2f_missing(ret))
		SKIP(return, "%s: %s", variant->setup.driver,
		     vb2f_missing(ret));
	ASSERT_LE(0, ret);
	self->fd = ret;
}

FIXTURE_TEARDOWN(fail_nth)
{
	vb2f_close(&self->dev);
	close(self->fd);
}

static void start_failing(struct __test_metadata *_metadata, int fd, int nth)
{
	char text[16];
	int len;

	len = snprintf(text, sizeof(text), "%d", nth);
	ASSERT_EQ(len, pwrite(fd, text, len, 0));
}

/* Returns whether something has failed. */
static bool stop_failing(struct __test_metadata *_metadata, int fd)
{
	char text[16] = "";

	ASSERT_LT(0, pread(fd, text, sizeof(text) - 1, 0));
	ASSERT_EQ(1, pwrite(fd, "0", 1, 0));
	return atoi(text) == 0;
}

static void expect_unpublished(struct __test_metadata *_metadata,
			       struct vb2f *dev)
{
	int count, p;

	for (p = 0; p < dev->nplanes; p++) {
		int fd = dev->cap[0].fd[p];

		EXPECT_EQ(POLLIN, vb2f_poll(fd, POLLIN, 0));
		EXPECT_EQ(POLLOUT, vb2f_poll(fd, POLLOUT, 0));
		EXPECT_EQ(1, vb2f_dmabuf_status(fd));
		/* Not even one that has come and gone */
		count = vb2f_debug_fences(fd, NULL, NULL);
		if (count != -ENOENT)
			EXPECT_EQ(0, count);
	}
}

/* Returns how many jobs had no fence, or what vb2f_open() or _alloc() did. */
static int sweep(struct __test_metadata *_metadata, struct vb2f *dev,
		 const struct vb2f_setup *setup, int fd)
{
	int ret, nth, refused = 0;
	struct v4l2_buffer b;
	struct vb2f_job job;
	bool failed = true;

	for (nth = 1; failed; nth++) {
		ASSERT_LT(nth, MAX_NTH);
		/* New buffers: the old ones may have room for a fence */
		ret = vb2f_open(dev, setup);
		if (!ret)
			ret = vb2f_alloc(dev, 1, 1);
		if (vb2f_missing(ret))
			return ret;
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, vb2f_stream(dev, true));
		ASSERT_EQ(0, vb2f_set_job_ms(dev, 20));
		vb2f_wipe(dev, &dev->cap[0]);
		vb2f_fill_out(dev, 0, nth);
		ASSERT_EQ(0, vb2f_qcap(dev, 0));

		start_failing(_metadata, fd, nth);
		ret = vb2f_qout(dev, 0, nth, 0);
		failed = stop_failing(_metadata, fd);

		if (ret) {
			/* That buffer or request has not been queued */
			EXPECT_TRUE(failed);
			expect_unpublished(_metadata, dev);
		} else {
			ASSERT_EQ(0, vb2f_dq(dev, true, &b));
			ASSERT_EQ(0, vb2f_dq(dev, false, NULL));
			if (b.flags & V4L2_BUF_FLAG_ERROR) {
				EXPECT_TRUE(failed);
				expect_unpublished(_metadata, dev);
				EXPECT_TRUE(vb2f_is_wiped(dev, &dev->cap[0]));
				refused++;
			} else {
				EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[0],
							  nth));
			}
		}

		/* And then it works */
		ASSERT_EQ(0, vb2f_stream(dev, false));
		if (dev->req[0] >= 0)
			close(dev->req[0]);
		dev->req[0] = -1;
		ASSERT_EQ(0, vb2f_stream(dev, true));
		ASSERT_EQ(0, vb2f_job_queue(dev, 1, &job));
		ASSERT_EQ(0, vb2f_dq(dev, true, &b));
		EXPECT_TRUE(!(b.flags & V4L2_BUF_FLAG_ERROR));
		EXPECT_TRUE(vb2f_is_drawn(dev, &dev->cap[0], job.seed));
		vb2f_close(dev);
	}
	TH_LOG("%d allocations, %d of them for the fence", nth - 2, refused);
	return refused;
}

TEST_F_TIMEOUT(fail_nth, attach, 240)
{
	struct vb2f *dev = &self->dev;
	int needed, refused, sweeps = 0;

	/*
	 * The fence, and room for it in the reservation object of each plane.
	 * An ioctl that happens to allocate more than the one before it, to
	 * refill a cache, can make a sweep miss one of them, or meet it twice.
	 */
	do {
		refused = sweep(_metadata, dev, &variant->setup, self->fd);
		if (vb2f_missing(refused))
			SKIP(return, "%s", vb2f_missing(refused));
		needed = 1 + dev->nplanes;
	} while (refused != needed && ++sweeps < MAX_SWEEPS);
	EXPECT_EQ(needed, refused);
}

/* The reservation objects are allocated with the buffers. */
TEST(fail_nth_buffers)
{
	static const struct vb2f_setup setup =
		VB2F_VIM2M(VB2F_MMAP, 64, 64);
	int fd, ret, nth, without = 0;
	struct vb2f_job job;
	bool failed = true;
	struct vb2f dev;

	fd = prepare(&dev, &setup);
	if (vb2f_missing(fd))
		SKIP(return, "vim2m: %s", vb2f_missing(fd));
	ASSERT_LE(0, fd);

	for (nth = 1; failed; nth++) {
		ASSERT_LT(nth, MAX_NTH);
		ASSERT_EQ(0, vb2f_open(&dev, &setup));
		start_failing(_metadata, fd, nth);
		ret = vb2f_alloc(&dev, 1, 1);
		failed = stop_failing(_metadata, fd);
		if (ret) {
			EXPECT_TRUE(failed);
			without++;
			continue;
		}
		ASSERT_EQ(0, vb2f_stream(&dev, true));
		ASSERT_EQ(0, vb2f_job_queue(&dev, 1, &job));
		ASSERT_EQ(0, vb2f_dq(&dev, true, NULL));
		EXPECT_TRUE(vb2f_is_drawn(&dev, &dev.cap[0], job.seed));
		vb2f_close(&dev);
	}
	TH_LOG("%d allocations, %d of them needed", nth - 2, without);
	EXPECT_LT(0, without);
	close(fd);
}

TEST_HARNESS_MAIN
