// SPDX-License-Identifier: GPL-2.0
/*
 * The kselftest's cases, tools/testing/selftests/media/vb2-fences, on the models of both
 * generations of RGA: one of its programs is included as it is, with other variants. Built once
 * for each: cases, cases_teardown and cases_stress.
 *
 * What of them does not apply:
 *
 *  vim2m          only vim2m has USERPTR, and transactions of several buffers
 *  held           the driver holds no CAPTURE buffer
 *  crossed        is of vim2m and visl
 *  heap, udmabuf  RGA3 uses dma-contig, which takes no scattered memory where there is no IOMMU:
 *                 what it imports, another context exports
 *
 * Failing allocations and jobs that fail are in faults.c.
 */
#include "../models/kselftest_program.h"

#include "../hantro/submit.h"
#include "submit.h"

#define MAX_JOB_US	700000	/* the watchdog's are 1000000 */

struct rga {
	struct rs_setup setup;
	struct rs picture;	/* no device: what has to come out, even when that is gone */
};

static int rga_open(struct vb2f *dev)
{
	const struct vb2f_setup *setup = dev->setup;
	struct rga *r = setup->priv;
	struct rs rs;
	int ret, p;

	ret = rs_open(&rs, &r->setup);
	if (ret == -ENODEV && !vb2f_modprobe(false, setup->driver))
		ret = rs_open(&rs, &r->setup);
	if (ret)
		return ret;
	if (!r->picture.out[0][0]) {
		r->picture = rs;
		memset(rs.expected, 0, sizeof(rs.expected));
		r->picture.out[0][0] = malloc(rs_size(&rs, false, 0));
		if (!r->picture.out[0][0])
			return -ENOMEM;
	}
	for (p = 0; p < VB2F_MAX_PLANES; p++)
		free(rs.expected[p]);
	*dev = rs.v;
	dev->setup = setup;
	dev->ops = setup->ops;
	return rs_device(r->setup.node, dev->name, sizeof(dev->name));
}

static void rga_close(struct vb2f *dev)
{
	(void)dev;
}

/* Planes of different sizes are told apart by these. */
static int rga_alloc_dmabuf(struct vb2f *dev, size_t size)
{
	const struct rga *r = dev->setup->priv;
	int fds[1][VB2F_MAX_PLANES], p, ret;

	if (!strcmp(r->setup.node, "rga2"))
		return vb2f_alloc_dmabuf(dev->setup->memory, size);
	ret = rs_alloc_dmabufs(&r->setup, 1, fds);
	if (ret)
		return ret;
	ret = -EINVAL;
	for (p = 0; p < dev->nplanes; p++) {
		if (ret < 0 && size == dev->size[p])
			ret = fds[0][p];
		else
			close(fds[0][p]);
	}
	return ret;
}

/*
 * There are many variants, so the shortest job is short, and those of the next tries grow all the
 * faster, as far as the watchdog lets them.
 */
static int rga_set_job_ms(struct vb2f *dev, int ms)
{
	const struct rga *r = dev->setup->priv;
	int us = ms < VB2F_JOB_MS ? ms * 1000 : ms * ms;

	return hs_knob_set_int(r->setup.node, "time_us", us < MAX_JOB_US ? us : MAX_JOB_US);
}

static void rga_fill_out(struct vb2f *dev, int i, unsigned int seed)
{
	const struct rga *r = dev->setup->priv;
	struct rs rs = { .op = r->picture.op };

	rs.out[0][0] = dev->out[i];
	rs_fill(&rs, 0, seed);
}

/* In these, it is like any other. */
static struct vb2f plain(const struct vb2f *dev)
{
	struct vb2f copy = *dev;

	copy.ops = NULL;
	return copy;
}

static int rga_qout(struct vb2f *dev, int i, int stamp, __u32 flags)
{
	struct vb2f copy = plain(dev);

	return vb2f_qout(&copy, i, stamp, flags);
}

static bool rga_is_wiped(const struct vb2f *dev, const struct vb2f_buf *buf)
{
	struct vb2f copy = plain(dev);

	return vb2f_is_wiped(&copy, buf);
}

static bool rga_is_drawn(const struct vb2f *dev, const struct vb2f_buf *buf, unsigned int seed)
{
	struct rga *r = dev->setup->priv;

	rs_fill(&r->picture, 0, seed);
	return !rs_expect(&r->picture, r->picture.out[0]) && !rs_differ(&r->picture, buf->map);
}

static const struct vb2f_ops rga_ops = {
	.open = rga_open,
	.close = rga_close,
	.alloc_dmabuf = rga_alloc_dmabuf,
	.set_job_ms = rga_set_job_ms,
	.fill_out = rga_fill_out,
	.qout = rga_qout,
	.is_wiped = rga_is_wiped,
	.is_drawn = rga_is_drawn,
};

/* Sizes without a gap behind a line */
#define SETUP(_node, _in, _out, _size, _memory) {					\
	.driver = "rockchip-rga",							\
	.memory = _memory,								\
	.ops = &rga_ops,								\
	.priv = &(struct rga) {								\
		.setup = {								\
			.node = _node,							\
			.in = V4L2_PIX_FMT_##_in,					\
			.out = V4L2_PIX_FMT_##_out,					\
			.in_width = 128,						\
			.in_height = 128,						\
			.out_width = _size,						\
			.out_height = _size,						\
			.memory = RS_OTHER,						\
		},									\
	},										\
}

#define RGA2(_in, _out, _memory)	SETUP("rga2", _in, _out, 192, VB2F_##_memory)
#define RGA3(_in, _out, _memory)	SETUP("rga3", _in, _out, 192, VB2F_##_memory)

#define VARIANT(_fixture, _name, ...)							\
	FIXTURE_VARIANT_ADD(_fixture, _name) { .setup = __VA_ARGS__ }

#if defined(CASES_TEARDOWN)

/* Modules take their time to come and go, so these are few. */
VARIANT(teardown, rga2_two_planes_mmap, RGA2(RGB24, NV12M, MMAP));
VARIANT(teardown, rga2_heap, RGA2(NV12, ABGR32, HEAP));
VARIANT(teardown, rga3_mmap, RGA3(NV12, ABGR32, MMAP));

int main(int argc, char **argv)
{
	return run_without(argc, argv, (char *[]){ NULL });
}

#elif defined(CASES_STRESS)

#define STRESS(_name, ...)								\
	FIXTURE_VARIANT_ADD(stress, _name) { .setup = __VA_ARGS__, .nbufs = 8 }

STRESS(rga2_two_planes_udmabuf, RGA2(NV12, NV12M, UDMABUF));
STRESS(rga2_mmap, RGA2(RGB24, RGB565, MMAP));
STRESS(rga3_two_planes_mmap, RGA3(NV12, NV12M, MMAP));
STRESS(rga3_import, RGA3(RGB24, RGB565, HEAP));

int main(int argc, char **argv)
{
	return run_without(argc, argv, (char *[]){ "crossed", NULL });
}

#else

VARIANT(fence, rga2_mmap, RGA2(NV12, ABGR32, MMAP));
VARIANT(fence, rga2_heap, RGA2(RGB565, RGB24, HEAP));
VARIANT(fence, rga2_two_planes_mmap, RGA2(NV12, NV12M, MMAP));
VARIANT(fence, rga2_two_planes_udmabuf, RGA2(RGB24, NV12M, UDMABUF));
VARIANT(fence, rga3_mmap, RGA3(NV12, ABGR32, MMAP));
VARIANT(fence, rga3_import, RGA3(RGB565, RGB24, HEAP));
VARIANT(fence, rga3_two_planes_mmap, RGA3(NV12, NV12M, MMAP));
VARIANT(fence, rga3_two_planes_import, RGA3(RGB24, NV12M, HEAP));

VARIANT(capability, rga2, RGA2(NV12, ABGR32, MMAP));
VARIANT(capability, rga3, RGA3(NV12, ABGR32, MMAP));

VARIANT(shared, rga2_two_planes_heap, RGA2(NV12, NV12M, HEAP));
VARIANT(shared, rga2_udmabuf, RGA2(NV12, ABGR32, UDMABUF));
VARIANT(shared, rga3_two_planes, RGA3(NV12, NV12M, HEAP));

/* Both planes in one dma-buf, in the same place: there is no picture to look at. */
VARIANT(planes, rga2_heap, RGA2(NV12, NV12M, HEAP));
VARIANT(planes, rga3_import, RGA3(NV12, NV12M, HEAP));

FIXTURE_VARIANT_ADD(pair, rga3_exports_to_rga2) {
	.a = RGA3(NV12, ABGR32, MMAP),
	.b = SETUP("rga2", NV12, RGB565, 128, VB2F_HEAP),
};

int main(int argc, char **argv)
{
	return run_without(argc, argv, (char *[]){ "vim2m", "held", NULL });
}

#endif
