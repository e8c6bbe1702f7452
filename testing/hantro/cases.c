// SPDX-License-Identifier: GPL-2.0
/*
 * The kselftest's cases, tools/testing/selftests/media/vb2-fences, on the models of the hantro
 * driver's hardware: one of its programs is included as it is, with other variants. Built once
 * for each: cases, cases_teardown and cases_stress.
 *
 * What of them does not apply:
 *
 *  vim2m                       only vim2m has USERPTR, and transactions of several buffers
 *  planes, crossed, two planes a buffer of the driver has one plane
 *  heap, udmabuf               dma-contig takes no scattered memory where there is no IOMMU:
 *                              what is imported here, another context of the node exports
 *
 * What is elsewhere: which frame is the right one, in frames.c (here it is the one that the
 * stream has given before); failing allocations, jobs that fail, and fields, in faults.c.
 */
#include "kselftest_program.h"

#include "child.h"
#include "submit.h"

#define STREAMS		4	/* different ones */
#define JPEG_HEADER	624	/* the driver writes it, before the job */
#define MAX_JOB_US	1800000	/* the watchdog's are 2000000 */

struct hantro {
	struct hs_setup setup;
	bool learnt;
	struct {
		size_t size;
		__u64 hash;
	} frames[STREAMS];	/* without the header */
};

/* Of one open file */
struct context {
	struct hs hs;
	unsigned int stream[VB2F_MAX_BUFS];	/* in each OUTPUT buffer */
};

static size_t header(const struct hantro *h)
{
	return h->setup.codec == HS_JPEG ? JPEG_HEADER : 0;
}

/* What becomes of each stream, in memory of their own */
static int learn(struct hantro *h)
{
	struct hs_setup setup = h->setup;
	struct hs_range ranges[2];
	struct hs_done done;
	struct hs *hs;
	int i, n, ret;

	hs = malloc(sizeof(*hs));
	if (!hs)
		return -ENOMEM;
	setup.nout = 1;
	setup.ncap = 1;
	ret = hs_open(hs, &setup);
	if (!ret)
		ret = hs_start(hs);
	for (i = 0; i < STREAMS && !ret; i++) {
		hs_forget(hs);
		ret = hs_submit(hs, &(struct hs_job){ .seed = i, .intra = true });
		if (!ret)
			ret = hs_finish(hs, &done, VB2F_TIMEOUT_MS);
		if (!ret && done.error)
			ret = -EIO;
		n = hs_ranges(hs, -1, ranges);
		h->frames[i].size = header(h) ? done.bytesused - header(h) :
						hs_range_bytes(ranges, n);
		if (!ret)
			h->frames[i].hash = hs_fnv(HS_FNV_INIT, (char *)hs->v.cap[0].map[0] +
						   header(h), h->frames[i].size);
	}
	hs_close(hs);
	free(hs);
	h->learnt = !ret;
	return ret;
}

static int hantro_open(struct vb2f *dev)
{
	const struct vb2f_setup *setup = dev->setup;
	struct hantro *h = setup->priv;
	struct context *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	ret = hs_open(&c->hs, &h->setup);
	if (ret == -ENODEV && !vb2f_modprobe(false, setup->driver))
		ret = hs_open(&c->hs, &h->setup);
	if (!ret && !h->learnt && c->hs.v.cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES) {
		ret = learn(h);
		if (ret)
			hs_close(&c->hs);
	}
	if (ret) {
		free(c);
		return ret;
	}
	*dev = c->hs.v;
	dev->setup = setup;
	dev->ops = setup->ops;
	dev->priv = c;
	return hs_device(c->hs.node, dev->name, sizeof(dev->name));
}

static void hantro_close(struct vb2f *dev)
{
	const struct hantro *h = dev->setup->priv;

	if (!dev->priv)
		return;
	hs_knobs_reset(h->setup.node);
	free(dev->priv);
	dev->priv = NULL;
}

static int hantro_alloc_dmabuf(struct vb2f *dev, size_t size)
{
	const struct hantro *h = dev->setup->priv;
	int fd, ret;

	(void)size;	/* is that of the setup's frame */
	ret = hs_alloc_dmabufs(&h->setup, 1, &fd);
	return ret ?: fd;
}

/*
 * There are many variants, so the job of a first try is short, and those of the next ones grow all
 * the faster, as far as the watchdog lets them. Those under load (a few ms) are the longer.
 */
static int hantro_set_job_ms(struct vb2f *dev, int ms)
{
	const struct hantro *h = dev->setup->priv;
	int us = ms < 10 ? ms * 4000 : ms * ms * 3 / 2;

	return hs_knob_set_int(h->setup.node, "time_us", us < MAX_JOB_US ? us : MAX_JOB_US);
}

static void hantro_fill_out(struct vb2f *dev, int i, unsigned int seed)
{
	struct context *c = dev->priv;

	c->stream[i] = seed % STREAMS;
}

/* What the kselftest queues is always an intra frame. */
static int hantro_qout(struct vb2f *dev, int i, int stamp, __u32 flags)
{
	struct context *c = dev->priv;
	struct hs_job job = {
		.out = i,
		.seed = c->stream[i],
		.hold = flags & V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF,
		.intra = true,
		.keep = true,
	};
	int ret;

	c->hs.v = *dev;
	c->hs.v.setup = &c->hs.vsetup;
	c->hs.v.ops = NULL;
	hs_forget(&c->hs);
	c->hs.stamp = stamp - 1;	/* the one before */
	ret = hs_prepare(&c->hs, &job) ?: hs_queue_request(&c->hs, i);
	dev->req[i] = c->hs.v.req[i];
	return ret;
}

static bool hantro_is_wiped(const struct vb2f *dev, const struct vb2f_buf *buf)
{
	size_t start = header(dev->setup->priv);
	const __u8 *byte = buf->map[0];

	return byte[start] == VB2F_WIPED &&
	       !memcmp(byte + start, byte + start + 1, dev->size[0] - start - 1);
}

static bool hantro_is_drawn(const struct vb2f *dev, const struct vb2f_buf *buf, unsigned int seed)
{
	const struct hantro *h = dev->setup->priv;
	int stream = seed % STREAMS;

	return hs_fnv(HS_FNV_INIT, (char *)buf->map[0] + header(h), h->frames[stream].size) ==
	       h->frames[stream].hash;
}

static const struct vb2f_ops hantro_ops = {
	.open = hantro_open,
	.close = hantro_close,
	.alloc_dmabuf = hantro_alloc_dmabuf,
	.set_job_ms = hantro_set_job_ms,
	.fill_out = hantro_fill_out,
	.qout = hantro_qout,
	.is_wiped = hantro_is_wiped,
	.is_drawn = hantro_is_drawn,
};

#define SETUP(_node, _codec, _fourcc, _width, _height, _memory) {				\
	.driver = "hantro-vpu",								\
	.memory = _memory,								\
	.requests = _codec != HS_JPEG,							\
	.ops = &hantro_ops,								\
	.priv = &(struct hantro) {							\
		.setup = {								\
			.node = _node,							\
			.codec = _codec,						\
			.fourcc = _fourcc,						\
			.width = _width,						\
			.height = _height,						\
		},									\
	},										\
}

#define MMAPED(_node, _codec, _fourcc)	SETUP(_node, _codec, _fourcc, 320, 192, VB2F_MMAP)
#define IMPORTED(_node, _codec, _fourcc) SETUP(_node, _codec, _fourcc, 320, 192, VB2F_HEAP)
/* Has room in the memory of the others */
#define SMALL(_node, _codec, _fourcc)	SETUP(_node, _codec, _fourcc, 128, 96, VB2F_HEAP)

#define NV12	V4L2_PIX_FMT_NV12
#define TILED	V4L2_PIX_FMT_NV12_4L4
#define YUYV	V4L2_PIX_FMT_YUYV

#define VARIANT(_fixture, _name, ...)							\
	FIXTURE_VARIANT_ADD(_fixture, _name) { .setup = __VA_ARGS__ }

#if defined(CASES_TEARDOWN)

/* Modules take their time to come and go, so these are few: faults.c has all nodes. */
VARIANT(teardown, vdpu_h264_mmap, MMAPED("vdpu", HS_H264, NV12));
VARIANT(teardown, g2_vp9_import, IMPORTED("g2", HS_VP9, NV12));

int main(int argc, char **argv)
{
	return run_without(argc, argv, (char *[]){ NULL });
}

#elif defined(CASES_STRESS)

#define STRESS(_name, ...)								\
	FIXTURE_VARIANT_ADD(stress, _name) { .setup = __VA_ARGS__, .nbufs = 8 }

STRESS(vdpu_h264_import, SMALL("vdpu", HS_H264, NV12));
STRESS(vepu_jpeg_mmap, MMAPED("vepu", HS_JPEG, YUYV));
STRESS(g1_vp8_yuyv_mmap, MMAPED("g1", HS_VP8, YUYV));
STRESS(g2_hevc_import, SMALL("g2", HS_HEVC, NV12));

/* Somebody who looks at all dma-bufs all the time */
static pid_t read_bufinfo(void)
{
	pid_t pid = start_child();

	if (pid)
		return pid;
	for (;;) {
		vb2f_debug_dmabufs();
		vb2f_sleep_us(2000);
	}
}

int main(int argc, char **argv)
{
	pid_t pid = read_bufinfo();
	int ret;

	ret = run_without(argc, argv, (char *[]){ "crossed", NULL });
	if (pid > 0)
		kill(pid, SIGKILL);
	return ret;
}

#else

VARIANT(fence, vdpu_h264_mmap, MMAPED("vdpu", HS_H264, NV12));
VARIANT(fence, vdpu_mpeg2_import, IMPORTED("vdpu", HS_MPEG2, NV12));
VARIANT(fence, vdpu_vp8_mmap, MMAPED("vdpu", HS_VP8, NV12));
VARIANT(fence, vepu_jpeg_mmap, MMAPED("vepu", HS_JPEG, YUYV));
VARIANT(fence, h1_jpeg_import, IMPORTED("h1", HS_JPEG, YUYV));
VARIANT(fence, g1_h264_mmap, MMAPED("g1", HS_H264, NV12));
VARIANT(fence, g1_mpeg2_yuyv_import, IMPORTED("g1", HS_MPEG2, YUYV));
VARIANT(fence, g1_vp8_yuyv_mmap, MMAPED("g1", HS_VP8, YUYV));
VARIANT(fence, g2_hevc_tiled_mmap, MMAPED("g2", HS_HEVC, TILED));
VARIANT(fence, g2_hevc_import, IMPORTED("g2", HS_HEVC, NV12));
VARIANT(fence, g2_vp9_tiled_import, IMPORTED("g2", HS_VP9, TILED));
VARIANT(fence, g2_vp9_mmap, MMAPED("g2", HS_VP9, NV12));

VARIANT(capability, vdpu, MMAPED("vdpu", HS_MPEG2, NV12));
VARIANT(capability, vepu, MMAPED("vepu", HS_JPEG, YUYV));
VARIANT(capability, h1, MMAPED("h1", HS_JPEG, YUYV));
VARIANT(capability, g1, MMAPED("g1", HS_VP8, YUYV));
VARIANT(capability, g2, MMAPED("g2", HS_HEVC, NV12));

VARIANT(shared, vdpu_vp8, IMPORTED("vdpu", HS_VP8, NV12));
VARIANT(shared, vepu_jpeg, IMPORTED("vepu", HS_JPEG, YUYV));
VARIANT(shared, g1_mpeg2_yuyv, IMPORTED("g1", HS_MPEG2, YUYV));
VARIANT(shared, g2_hevc, IMPORTED("g2", HS_HEVC, NV12));

VARIANT(held, vdpu_mmap, MMAPED("vdpu", HS_H264, NV12));
VARIANT(held, g1_yuyv_import, IMPORTED("g1", HS_H264, YUYV));

#define PAIR(_name, _a, _b)								\
	FIXTURE_VARIANT_ADD(pair, _name) { .a = _a, .b = _b }

PAIR(vdpu_exports_to_g2, MMAPED("vdpu", HS_H264, NV12), SMALL("g2", HS_VP9, TILED));
PAIR(g2_exports_to_g1, MMAPED("g2", HS_HEVC, NV12), SMALL("g1", HS_MPEG2, YUYV));
PAIR(vepu_exports_to_vdpu, MMAPED("vepu", HS_JPEG, YUYV), SMALL("vdpu", HS_VP8, NV12));

/* While one context has the hardware, the others' buffers are nobody's business. */
TEST_F(fence, next_context_waits)
{
	struct vb2f *dev = &self->dev, other;
	struct vb2f_info first, second;
	struct vb2f_job job, next;
	__u64 looked;
	int ms, ret, pollin = 0, status = 0;

	setup_dev(_metadata, &other, &variant->setup);
	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX; ms *= 2) {
		ret = vb2f_job_start(dev, ms, &job);
		if (ret == -EAGAIN)
			continue;
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, vb2f_job_queue(&other, ms, &next));
		status = vb2f_dmabuf_status(other.cap[0].fd[0]);
		pollin = vb2f_poll(other.cap[0].fd[0], POLLIN, 0);
		looked = vb2f_now();
		next.sync = vb2f_wait_active(&other, 0);
		ASSERT_EQ(0, vb2f_info(job.sync, &first));
		ASSERT_EQ(0, vb2f_job_finish(dev, &job));
		close(job.sync);
		ASSERT_EQ(0, vb2f_dq(&other, true, NULL));
		ASSERT_EQ(0, vb2f_dq(&other, false, NULL));
		if (next.sync == -EAGAIN)
			continue;
		ASSERT_LE(0, next.sync);
		ASSERT_EQ(0, vb2f_info(next.sync, &second));
		close(next.sync);
		if (job.signaled > looked)
			break;
	}
	assert_seen(_metadata, ms);

	EXPECT_EQ(1, status);
	EXPECT_EQ(POLLIN, pollin);
	EXPECT_EQ(1, first.status);
	EXPECT_EQ(1, second.status);
	EXPECT_LT(job.signaled, second.fence[0].timestamp_ns);
	vb2f_close(&other);
}

static const struct vb2f_setup opted_in = MMAPED("g2", HS_VP9, TILED);

/* Its reset does not stop it: no capability, and nothing to wait for */
TEST(not_opted_in)
{
	static const struct hs_setup setup = {
		.node = "g1i",
		.codec = HS_H264,
		.width = 320,
		.height = 192,
		.nout = 1,
		.ncap = 1,
	};
	struct hs_job job = {};
	struct vb2f dev;
	struct hs hs;
	int ms, ret, fd, status = 0, pollin = 0;
	bool active = false;

	ret = vb2f_open(&dev, &opted_in);
	if (vb2f_missing(ret))
		SKIP(return, "%s", vb2f_missing(ret));
	ASSERT_EQ(0, ret);
	vb2f_close(&dev);

	ASSERT_EQ(0, hs_open(&hs, &setup));
	EXPECT_TRUE(!(hs.v.cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES));
	ASSERT_EQ(0, hs_start(&hs));
	fd = hs.v.cap[0].fd[0];
	for (ms = VB2F_JOB_MS; ms <= VB2F_JOB_MS_MAX && !active; ms *= 2) {
		ASSERT_EQ(0, hs_knob_set_int(setup.node, "time_us", ms * 500));
		ASSERT_EQ(0, hs_submit(&hs, &job));
		active = !hs_wait_active(setup.node, true, ms);
		status = vb2f_dmabuf_status(fd);
		pollin = vb2f_poll(fd, POLLIN, 0);
		active &= hs_knob_int(setup.node, "active") == 1;
		ASSERT_EQ(0, hs_finish(&hs, NULL, VB2F_TIMEOUT_MS));
	}
	EXPECT_TRUE(active);
	EXPECT_EQ(1, status);
	EXPECT_EQ(POLLIN, pollin);
	hs_knobs_reset(setup.node);
	hs_close(&hs);
}

int main(int argc, char **argv)
{
	return run_without(argc, argv, (char *[]){ "vim2m", "planes", NULL });
}

#endif
