// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <drm_fourcc.h>

#include "../hantro/submit.h"
#include "../rga/submit.h"
#include "producer.h"

const struct producer_type producer_types[] = {
	{ .name = "vim2m RGB565", .device = "vim2m", .fourcc = V4L2_PIX_FMT_RGB565 },
	{ .name = "vim2m heap RGB565", .device = "vim2m", .fourcc = V4L2_PIX_FMT_RGB565,
	  .heap = true },
	{ .name = "vim2m mplane RGB565", .device = "vim2m", .fourcc = V4L2_PIX_FMT_RGB565,
	  .mplane = true },
	{ .name = "vim2m>vim2m RGB565", .device = "vim2m", .fourcc = V4L2_PIX_FMT_RGB565,
	  .from = "vim2m" },
	{ .name = "visl NV12", .device = "visl", .fourcc = V4L2_PIX_FMT_NV12 },
	{ .name = "visl NV12M", .device = "visl", .fourcc = V4L2_PIX_FMT_NV12M,
	  .not_stock = true },
	{ .name = "rga2 XRGB8888", .device = "rga2", .fourcc = V4L2_PIX_FMT_XBGR32 },
	{ .name = "rga2 RGB565", .device = "rga2", .fourcc = V4L2_PIX_FMT_RGB565 },
	{ .name = "rga2 NV12", .device = "rga2", .fourcc = V4L2_PIX_FMT_NV12 },
	{ .name = "rga2 NV12M", .device = "rga2", .fourcc = V4L2_PIX_FMT_NV12M },
	{ .name = "rga2 heap NV12M", .device = "rga2", .fourcc = V4L2_PIX_FMT_NV12M,
	  .heap = true },
	/* The stock driver refuses a buffer that is larger than the picture. */
	{ .name = "vdpu>rga2 XRGB8888", .device = "rga2", .fourcc = V4L2_PIX_FMT_XBGR32,
	  .from = "vdpu", .not_stock = true },
	{ .name = "vim2m>rga2 NV12", .device = "rga2", .fourcc = V4L2_PIX_FMT_NV12,
	  .from = "vim2m" },
	{ .name = "rga3 XRGB8888", .device = "rga3", .fourcc = V4L2_PIX_FMT_XBGR32 },
	{ .name = "rga3 RGB565", .device = "rga3", .fourcc = V4L2_PIX_FMT_RGB565 },
	{ .name = "rga3 NV12", .device = "rga3", .fourcc = V4L2_PIX_FMT_NV12 },
	{ .name = "rga3 NV12M", .device = "rga3", .fourcc = V4L2_PIX_FMT_NV12M },
	{ .name = "vdpu>rga3 XRGB8888", .device = "rga3", .fourcc = V4L2_PIX_FMT_XBGR32,
	  .from = "vdpu" },
	{ .name = "g2>rga3 NV12M", .device = "rga3", .fourcc = V4L2_PIX_FMT_NV12M,
	  .from = "g2" },
	{}
};

struct producer {
	const struct producer_type *type;
	struct vb2f_setup setup;	/* of vim2m and visl */
	struct vb2f own;
	struct rs rs;
	struct vb2f *v;			/* the last device: one of these two */
	bool rga;

	struct vb2f first;		/* the first one of a chain: vim2m, or a decoder */
	struct hs hs;
	struct vb2f *from;
	bool decoder;

	struct display_layout layout;
	unsigned int number;
	int buf;
	int ms;
	int sync;			/* of the running job; -1: none */
	pthread_t thread;
	bool threaded;
};

const struct producer_type *producer_find(const char *name)
{
	const struct producer_type *t;

	for (t = producer_types; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

struct vb2f *producer_v(struct producer *p)
{
	return p->v;
}

bool producer_fenced(const struct producer *p)
{
	return p->v->cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES;
}

const struct display_layout *producer_layout(const struct producer *p)
{
	return &p->layout;
}

/*
 * Pictures: RGB565 is what all devices read, but those behind a decoder.
 */

/* 3x5 pixels of a digit, the upper left one is the highest bit */
static const unsigned short digits[10] = {
	0x7b6f, 0x2c97, 0x73e7, 0x73cf, 0x5bc9, 0x79cf, 0x79ef, 0x7249, 0x7bef, 0x7bcf
};

static bool in_digits(unsigned int number, unsigned int width, unsigned int height,
		      unsigned int x, unsigned int y)
{
	static const unsigned int places[] = { 1000, 100, 10, 1 };
	unsigned int unit = (width < height ? width : height) / 20 ?: 1;
	unsigned int left = width / 2 - 8 * unit, top = height / 2 - 2 * unit, digit;

	if (x < left || y < top)
		return false;
	x = (x - left) / unit;
	y = (y - top) / unit;
	if (x >= 16 || y >= 5 || x % 4 == 3)
		return false;
	digit = number / places[x / 4] % 10;
	return digits[digit] >> (14 - 3 * y - x % 4) & 1;
}

/* The frame's number, before a background that it moves */
static void draw(const struct display_layout *l, __u16 *to, unsigned int number)
{
	unsigned int x, y, r, g, b;

	for (y = 0; y < l->height; y++) {
		for (x = 0; x < l->width; x++) {
			r = (x * 31 / l->width + number * 5) & 31;
			g = y * 63 / l->height;
			b = (x + y + number * 8) / 16 % 2 ? 28 : 6;
			*to++ = in_digits(number, l->width, l->height, x, y) ? 0xffff :
				r << 11 | g << 5 | b;
		}
	}
}

static int set_layout(struct display_layout *l, const struct v4l2_pix_format_mplane *f)
{
	static const __u32 formats[][2] = {
		{ V4L2_PIX_FMT_RGB565, DRM_FORMAT_RGB565 },
		{ V4L2_PIX_FMT_XBGR32, DRM_FORMAT_XRGB8888 },
		{ V4L2_PIX_FMT_NV12, DRM_FORMAT_NV12 },
		{ V4L2_PIX_FMT_NV12M, DRM_FORMAT_NV12 },
	};
	size_t i;
	int n;

	memset(l, 0, sizeof(*l));
	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (formats[i][0] == f->pixelformat)
			l->fourcc = formats[i][1];
	if (!l->fourcc)
		return -EINVAL;
	l->width = f->width;
	l->height = f->height;
	l->nbufs = f->num_planes;
	for (n = 0; n < l->nbufs; n++)
		l->size[n] = f->plane_fmt[n].sizeimage;
	l->nplanes = l->fourcc == DRM_FORMAT_NV12 ? 2 : 1;
	l->pitch[0] = f->plane_fmt[0].bytesperline;
	if (l->nplanes == 1)
		return 0;
	l->pitch[1] = l->pitch[0];
	if (l->nbufs == 2)
		l->buf[1] = 1;
	else
		l->offset[1] = l->pitch[0] * l->height;
	return 0;
}

int producer_test_layout(struct display_layout *l, const struct vb2f *v)
{
	struct v4l2_pix_format_mplane format = {
		.width = v->setup->width,
		.height = v->setup->height,
		.pixelformat = v->setup->fourcc,
		.num_planes = v->nplanes,
		.plane_fmt[0].bytesperline = v->setup->width * (v->decoder ? 1 : 2),
	};
	int i;

	for (i = 0; i < v->nplanes; i++)
		format.plane_fmt[i].sizeimage = v->size[i];
	return set_layout(l, &format);
}

/*
 * Opening
 */

/* vim2m and visl */
static int open_test_driver(struct vb2f *v, const struct vb2f_setup *setup, int nout, int ncap)
{
	int ret;

	ret = vb2f_open_any(v, setup) ?: vb2f_alloc(v, nout, ncap);
	if (ret)
		return ret;
	/* Without an OUTPUT buffer of its own, it imports one. */
	if (!nout)
		ret = vb2f_reqbufs(v, v->out_type, V4L2_MEMORY_DMABUF, 1, NULL);
	if (ret >= 0)
		ret = vb2f_stream(v, true);
	if (ret)
		vb2f_close(v);
	return ret;
}

static int open_last(struct producer *p, int nbufs)
{
	int ret = open_test_driver(&p->own, &p->setup, !p->from, nbufs);

	if (ret)
		return ret;
	p->v = &p->own;
	return producer_test_layout(&p->layout, p->v);
}

static int open_first(struct producer *p, const struct vb2f_setup *setup, int nbufs)
{
	const struct hs_setup decoder = {
		.node = p->type->from,
		.codec = strcmp(p->type->from, "g2") ? HS_H264 : HS_HEVC,
		.fourcc = V4L2_PIX_FMT_NV12,
		.width = setup->width,
		.height = setup->height,
		.nout = 1,
		.ncap = nbufs,
	};
	int ret;

	p->decoder = strcmp(p->type->from, "vim2m");
	if (!p->decoder) {
		ret = open_test_driver(&p->first, setup, 1, nbufs);
		if (!ret)
			p->from = &p->first;
		return ret;
	}
	ret = hs_open(&p->hs, &decoder) ?: hs_start(&p->hs);
	if (!ret)
		p->from = &p->hs.v;
	return ret;
}

static int open_rga(struct producer *p, __u32 width, __u32 height, int nbufs)
{
	const struct rs_setup setup = {
		.node = p->type->device,
		.in = p->decoder ? V4L2_PIX_FMT_NV12 : V4L2_PIX_FMT_RGB565,
		.out = p->type->fourcc,
		.in_width = width,
		.in_height = height,
		.out_width = width,
		.out_height = height,
		.memory = p->type->heap ? RS_HEAP : RS_MMAP,
		.import_out = p->from,
		.nout = 1,
		.ncap = nbufs,
	};
	int ret;

	ret = rs_open(&p->rs, &setup) ?: rs_start(&p->rs);
	if (ret)
		return ret;
	p->v = &p->rs.v;
	return set_layout(&p->layout, &p->rs.op.out);
}

int producer_open(struct producer **result, const struct producer_type *type, __u32 width,
		  __u32 height, int nbufs)
{
	struct producer *p = calloc(1, sizeof(*p));
	int ret = 0;

	if (!p)
		return -ENOMEM;
	p->type = type;
	p->sync = -1;
	p->setup = (struct vb2f_setup) {
		.driver = type->from && !strcmp(type->from, "vim2m") ? type->from : type->device,
		.fourcc = V4L2_PIX_FMT_RGB565,
		.width = width,
		.height = height,
		.mplane = type->mplane,
		.memory = type->heap ? VB2F_HEAP : VB2F_MMAP,
	};
	p->rga = !strncmp(type->device, "rga", 3);
	if (!strcmp(type->device, "visl")) {
		p->setup.fourcc = type->fourcc;
		p->setup.requests = true;
		p->setup.width = 640;
		p->setup.height = 360;
	}

	if (type->from)
		ret = open_first(p, &p->setup, nbufs);
	if (!ret)
		ret = p->rga ? open_rga(p, width, height, nbufs) : open_last(p, nbufs);
	if (ret) {
		producer_close(p);
		p = NULL;
	}
	*result = p;
	return ret;
}

void producer_close(struct producer *p)
{
	if (!p)
		return;
	if (p->threaded)
		pthread_join(p->thread, NULL);
	if (p->sync >= 0)
		close(p->sync);
	if (p->v == &p->own)
		vb2f_close(&p->own);
	if (p->v == &p->rs.v)
		rs_close(&p->rs);
	if (p->from == &p->first)
		vb2f_close(&p->first);
	if (p->from == &p->hs.v)
		hs_close(&p->hs);
	free(p);
}

int producer_set_ms(struct producer *p, int ms)
{
	int ret = 0;

	p->ms = ms;
	if (p->decoder)
		ret = hs_knob_set_int(p->type->from, "time_us", ms * 1000);
	else if (p->from)
		ret = vb2f_set_job_ms(p->from, ms);
	if (ret)
		return ret;
	return p->rga ? hs_knob_set_int(p->type->device, "time_us", ms * 1000) :
			vb2f_set_job_ms(p->v, ms);
}

/*
 * Jobs
 */

/*
 * The fence of a job that was just queued: a sync_file, or -1 if it is over. The job runs: if
 * another one kept the device busy a little longer, this has waited for that. Without fences
 * there is nothing to wait for, and a sync_file that has signalled.
 */
static int get_fence(struct vb2f *v, int buf, int *sync)
{
	int ret = v->cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES ?
		  vb2f_wait_active(v, buf) : vb2f_export(v->cap[buf].fd[0], DMA_BUF_SYNC_READ);

	*sync = ret < 0 ? -1 : ret;
	return ret < 0 && ret != -EAGAIN ? ret : 0;
}

/* The first job of a chain, until its fence says that its result is there */
static int run_first(struct producer *p)
{
	const char *node = p->type->from;
	long long starts = p->decoder ? hs_knob_int(node, "starts") : 0;
	int ret, sync;

	if (p->decoder) {
		ret = hs_submit_frame(&p->hs, 0, p->buf, p->number);
		if (!ret)
			ret = hs_wait_count(node, "starts", starts + 1, VB2F_TIMEOUT_MS);
	} else {
		draw(&p->layout, p->first.out[0], p->number);
		ret = vb2f_qcap(&p->first, p->buf) ?: vb2f_qout(&p->first, 0, p->number, 0);
	}
	if (!ret)
		ret = get_fence(p->from, p->buf, &sync);
	if (ret || sync < 0)
		return ret;
	ret = vb2f_poll(sync, POLLIN, VB2F_TIMEOUT_MS);
	close(sync);
	return ret > 0 ? 0 : ret ?: -ETIMEDOUT;
}

static int import_out(struct producer *p)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	int fd = p->from->cap[p->buf].fd[0];
	struct v4l2_buffer b;

	vb2f_init_buf(p->v, &b, planes, false, 0);
	b.memory = V4L2_MEMORY_DMABUF;
	if (p->v->mplane)
		planes[0].m.fd = fd;
	else
		b.m.fd = fd;
	return vb2f_ioctl(p->v->fd, VIDIOC_QBUF, &b);
}

static void *queue_visl(void *data)
{
	struct producer *p = data;

	return (void *)(long)vb2f_qout(p->v, 0, p->number, 0);
}

static int start_visl(struct producer *p)
{
	struct timespec until;
	void *result;
	int ret;

	ret = pthread_create(&p->thread, NULL, queue_visl, p);
	if (ret)
		return -ret;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += p->ms * 1000000L / 2;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	p->threaded = true;
	if (pthread_clockjoin_np(p->thread, &result, CLOCK_MONOTONIC, &until))
		return 0;
	p->threaded = false;
	return (long)result;
}

int producer_submit(struct producer *p, int buf, unsigned int number)
{
	int ret = 0;

	p->buf = buf;
	p->number = number;
	if (p->from)
		ret = run_first(p);
	if (!ret)
		ret = vb2f_qcap(p->v, buf);
	if (ret)
		return ret;

	if (p->v->decoder) {
		ret = start_visl(p);
	} else if (p->from) {
		ret = p->rga ? rs_queue_out(&p->rs, 0, p->from->cap[buf].fd) : import_out(p);
	} else {
		draw(&p->layout, p->v->out[0], number);
		ret = p->rga ? rs_queue_out(&p->rs, 0, NULL) : vb2f_qout(p->v, 0, number, 0);
	}
	return ret ?: get_fence(p->v, buf, &p->sync);
}

static int take_back(struct vb2f *v)
{
	struct v4l2_buffer b;
	int ret;

	ret = vb2f_dq(v, true, &b);
	if (ret >= 0 && b.flags & V4L2_BUF_FLAG_ERROR)
		ret = -EIO;
	if (ret >= 0)
		ret = vb2f_dq(v, false, NULL);
	return ret < 0 ? ret : 0;
}

int producer_finish(struct producer *p, __u64 *owned)
{
	__u64 now, last = 0, end = vb2f_now() + VB2F_TIMEOUT_MS * 1000000ULL;
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct vb2f_info info;
	struct v4l2_buffer b;
	void *result = NULL;
	int ret;

	for (;;) {
		now = vb2f_now();
		vb2f_init_buf(p->v, &b, planes, true, p->buf);
		ret = vb2f_ioctl(p->v->fd, VIDIOC_QUERYBUF, &b);
		if (ret || b.flags & V4L2_BUF_FLAG_DONE)
			break;
		if (now > end)
			return -ETIMEDOUT;
		last = now;
		vb2f_sleep_us(500);
	}
	if (p->threaded)
		ret = pthread_join(p->thread, &result) ? -EIO : ret ?: (long)result;
	p->threaded = false;
	if (!ret && producer_fenced(p))
		last = 0;
	if (p->sync >= 0 && producer_fenced(p)) {
		if (!ret)
			ret = vb2f_info(p->sync, &info);
		if (!ret)
			last = info.fence[0].timestamp_ns;
	}
	if (p->sync >= 0)
		close(p->sync);
	p->sync = -1;
	if (owned)
		*owned = last;
	if (!ret && p->from)
		ret = take_back(p->from);
	return ret ?: take_back(p->v);
}

int producer_expect(struct producer *p, void *const planes[])
{
	struct vb2f *v = p->v;
	void *drawn[1] = { p->from ? p->from->out[0] : v->out[0] };
	int i, ret;

	if (v->decoder) {
		for (i = 0; i < v->nplanes; i++)
			memcpy(planes[i], v->cap[p->buf].map[i], v->size[i]);
		return 0;
	}
	if (!p->rga) {
		memcpy(planes[0], drawn[0], v->size[0]);
		return 0;
	}
	ret = rs_expect(&p->rs, p->decoder ? p->from->cap[p->buf].map : drawn);
	for (i = 0; i < v->nplanes && !ret; i++)
		memcpy(planes[i], p->rs.expected[i], v->size[i]);
	return ret;
}
