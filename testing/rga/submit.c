// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "../hantro/submit.h"
#include "submit.h"

/*
 * Nodes
 */

static int find_video(const char *node, int *fd)
{
	struct v4l2_capability cap;
	char path[64];
	int i;

	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/video%d", i);
		*fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (*fd < 0)
			continue;
		memset(&cap, 0, sizeof(cap));
		if (!vb2f_ioctl(*fd, VIDIOC_QUERYCAP, &cap) &&
		    !strcmp((char *)cap.driver, "rockchip-rga") &&
		    !strcmp((char *)cap.card, node))
			return i;
		close(*fd);
	}
	return -ENODEV;
}

int rs_open_video(const char *node)
{
	int fd, ret;

	ret = find_video(node, &fd);
	return ret < 0 ? ret : fd;
}

int rs_device(const char *node, char *name, size_t size)
{
	char path[64], real[PATH_MAX];
	int fd, ret;

	ret = find_video(node, &fd);
	if (ret < 0)
		return ret;
	close(fd);
	snprintf(path, sizeof(path), "/sys/class/video4linux/video%d/device", ret);
	if (!realpath(path, real))
		return -errno;
	snprintf(name, size, "%s", strrchr(real, '/') + 1);
	return 0;
}

/*
 * Contexts
 */

size_t rs_size(const struct rs *rs, bool capture, int plane)
{
	return (capture ? &rs->op.out : &rs->op.in)->plane_fmt[plane].sizeimage;
}

static int set_format(struct rs *rs, bool capture)
{
	struct v4l2_pix_format_mplane *result = capture ? &rs->op.out : &rs->op.in;
	const struct rs_setup *s = &rs->setup;
	struct v4l2_format f = {};
	struct v4l2_pix_format_mplane *mp = &f.fmt.pix_mp;
	int ret;

	f.type = capture ? rs->v.cap_type : rs->v.out_type;
	mp->width = capture ? s->out_width : s->in_width;
	mp->height = capture ? s->out_height : s->in_height;
	mp->pixelformat = capture ? s->out : s->in;
	mp->colorspace = s->colorspace;
	mp->ycbcr_enc = s->encoding;
	mp->quantization = s->quantization;
	if (capture)
		mp->flags = V4L2_PIX_FMT_FLAG_SET_CSC;
	ret = vb2f_ioctl(rs->v.fd, VIDIOC_S_FMT, &f);
	if (ret)
		return ret;
	*result = *mp;
	if (mp->num_planes > VB2F_MAX_PLANES ||
	    mp->pixelformat != (capture ? s->out : s->in) ||
	    mp->width != (capture ? s->out_width : s->in_width) ||
	    mp->height != (capture ? s->out_height : s->in_height))
		return -EINVAL;
	return 0;
}

static int set_rect(struct rs *rs, bool capture)
{
	const struct v4l2_rect *want = capture ? &rs->setup.compose : &rs->setup.crop;
	const struct v4l2_pix_format_mplane *format = capture ? &rs->op.out : &rs->op.in;
	struct v4l2_rect *result = capture ? &rs->op.compose : &rs->op.crop;
	struct v4l2_selection sel = {
		.type = capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE : V4L2_BUF_TYPE_VIDEO_OUTPUT,
		.target = capture ? V4L2_SEL_TGT_COMPOSE : V4L2_SEL_TGT_CROP,
		.r = *want,
	};
	int ret;

	*result = (struct v4l2_rect){ .width = format->width, .height = format->height };
	if (!want->width)
		return 0;
	ret = vb2f_ioctl(rs->v.fd, VIDIOC_S_SELECTION, &sel);
	if (!ret)
		*result = sel.r;
	return ret;
}

static int set_controls(struct rs *rs)
{
	const struct rs_setup *s = &rs->setup;
	int ret = 0;

	if (s->rotate)
		ret = vb2f_set_ctrl(&rs->v, V4L2_CID_ROTATE, s->rotate);
	if (!ret && s->hflip)
		ret = vb2f_set_ctrl(&rs->v, V4L2_CID_HFLIP, 1);
	if (!ret && s->vflip)
		ret = vb2f_set_ctrl(&rs->v, V4L2_CID_VFLIP, 1);
	rs->op.rotate = s->rotate;
	rs->op.hflip = s->hflip;
	rs->op.vflip = s->vflip;
	return ret;
}

int rs_open(struct rs *rs, const struct rs_setup *setup)
{
	int i, p, ret;

	memset(rs, 0, sizeof(*rs));
	rs->setup = *setup;
	rs->v.setup = &rs->vsetup;
	rs->v.media_fd = -1;
	rs->v.mplane = true;
	rs->v.out_type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
	rs->v.cap_type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	for (i = 0; i < VB2F_MAX_BUFS; i++) {
		rs->v.req[i] = -1;
		for (p = 0; p < VB2F_MAX_PLANES; p++)
			rs->v.cap[i].fd[p] = -1;
	}
	rs->op.generation = setup->node[3] - '0';
	rs->v.fd = rs_open_video(setup->node);
	if (rs->v.fd < 0)
		return rs->v.fd;
	/* That of OUTPUT resets the colours of CAPTURE, and a format its rectangle. */
	ret = set_format(rs, false);
	if (!ret)
		ret = set_format(rs, true);
	if (!ret)
		ret = set_rect(rs, false);
	if (!ret)
		ret = set_rect(rs, true);
	if (!ret)
		ret = set_controls(rs);
	if (!ret)
		ret = vb2f_reqbufs(&rs->v, rs->v.cap_type, V4L2_MEMORY_MMAP, 0,
				   &rs->v.cap_caps);
	rs->v.nplanes = rs->op.out.num_planes;
	for (p = 0; p < rs->v.nplanes; p++) {
		rs->v.size[p] = rs_size(rs, true, p);
		rs->expected[p] = malloc(rs->v.size[p]);
		if (!rs->expected[p] && !ret)
			ret = -ENOMEM;
	}
	rs->v.out_size = rs_size(rs, false, 0);
	if (ret)
		rs_close(rs);
	return ret;
}

static void init_out(const struct rs *rs, struct v4l2_buffer *b, struct v4l2_plane *planes, int i)
{
	unsigned int p;

	memset(b, 0, sizeof(*b));
	memset(planes, 0, VB2F_MAX_PLANES * sizeof(*planes));
	b->index = i;
	b->field = V4L2_FIELD_NONE;
	b->type = rs->v.out_type;
	b->memory = rs->setup.import_out ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP;
	b->m.planes = planes;
	b->length = rs->op.in.num_planes;
	for (p = 0; p < b->length; p++) {
		planes[p].length = rs_size(rs, false, p);
		planes[p].bytesused = planes[p].length;
	}
}

static int map_planes(struct rs *rs, struct v4l2_buffer *b, int prot, void *map[])
{
	unsigned int p;
	int ret;

	ret = vb2f_ioctl(rs->v.fd, VIDIOC_QUERYBUF, b);
	for (p = 0; p < b->length && !ret; p++) {
		map[p] = mmap(NULL, b->m.planes[p].length, prot, MAP_SHARED, rs->v.fd,
			      b->m.planes[p].m.mem_offset);
		if (map[p] != MAP_FAILED)
			continue;
		map[p] = NULL;
		ret = -errno;
	}
	return ret;
}

static int alloc_out(struct rs *rs)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;
	int i, count, ret;

	ret = vb2f_reqbufs(&rs->v, rs->v.out_type, rs->setup.import_out ? V4L2_MEMORY_DMABUF :
			   V4L2_MEMORY_MMAP, rs->setup.nout, NULL);
	if (ret < 0)
		return ret;
	if (ret > RS_MAX_BUFS)
		return -ENOBUFS;
	count = ret;
	for (i = 0; i < count && !rs->setup.import_out; i++) {
		init_out(rs, &b, planes, i);
		ret = map_planes(rs, &b, PROT_READ | PROT_WRITE, rs->out[i]);
		/* vb2f_close() unmaps this one. */
		rs->v.out[i] = rs->out[i][0];
		if (rs->v.out[i])
			rs->v.nout = i + 1;
		if (ret)
			return ret;
	}
	return 0;
}

int rs_alloc_dmabufs(const struct rs_setup *setup, int count, int fds[][VB2F_MAX_PLANES])
{
	struct rs_setup other = *setup;
	int i, p, ret, got = 0;
	struct rs *rs;

	memset(fds, -1, count * sizeof(*fds));
	rs = malloc(sizeof(*rs));
	if (!rs)
		return -ENOMEM;
	other.memory = RS_MMAP;
	ret = rs_open(rs, &other);
	if (!ret) {
		rs->v.cap_memory = V4L2_MEMORY_MMAP;
		if (setup->memory == RS_OTHER)
			ret = vb2f_reqbufs(&rs->v, rs->v.cap_type, V4L2_MEMORY_MMAP, count, NULL);
		for (i = 0; i < count && ret >= 0; i++) {
			got = i + 1;
			for (p = 0; p < rs->v.nplanes && ret >= 0; p++) {
				ret = setup->memory == RS_OTHER ? vb2f_expbuf(&rs->v, i, p) :
				      vb2f_alloc_dmabuf(VB2F_HEAP, rs->v.size[p]);
				fds[i][p] = ret;
			}
		}
		rs_close(rs);
	}
	free(rs);
	for (i = 0; i < got && ret < 0; i++)
		for (p = 0; p < VB2F_MAX_PLANES; p++)
			if (fds[i][p] >= 0)
				close(fds[i][p]);
	return ret < 0 ? ret : 0;
}

static int alloc_cap(struct rs *rs)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	int fds[RS_MAX_BUFS][VB2F_MAX_PLANES];
	int count = rs->setup.ncap, i, p, ret;
	struct v4l2_buffer b;

	rs->v.cap_memory = rs->setup.memory == RS_MMAP ? V4L2_MEMORY_MMAP : V4L2_MEMORY_DMABUF;
	ret = vb2f_reqbufs(&rs->v, rs->v.cap_type, rs->v.cap_memory, count, NULL);
	if (ret < 0)
		return ret;
	if (ret != count || count > RS_MAX_BUFS)
		return -ENOBUFS;
	ret = 0;
	if (rs->setup.memory != RS_MMAP)
		ret = rs_alloc_dmabufs(&rs->setup, count, fds);
	for (i = 0; i < count && !ret; i++) {
		rs->v.ncap = i + 1;
		for (p = 0; p < rs->v.nplanes; p++) {
			rs->v.cap[i].fd[p] = rs->setup.memory != RS_MMAP ? fds[i][p] :
					     vb2f_expbuf(&rs->v, i, p);
			if (rs->v.cap[i].fd[p] < 0)
				return rs->v.cap[i].fd[p];
		}
		ret = vb2f_map_buf(&rs->v, &rs->v.cap[i]);
		if (ret || rs->setup.memory != RS_MMAP)
			continue;
		/* The other way to the same memory */
		vb2f_init_buf(&rs->v, &b, planes, true, i);
		ret = map_planes(rs, &b, PROT_READ, rs->mmap[i]);
	}
	return ret;
}

int rs_start(struct rs *rs)
{
	int ret;

	ret = alloc_out(rs);
	if (!ret)
		ret = alloc_cap(rs);
	if (!ret)
		ret = vb2f_stream(&rs->v, true);
	if (ret)
		rs_close(rs);
	return ret;
}

/* A mapping keeps the file open, and so the context alive. */
void rs_close(struct rs *rs)
{
	int i, p;

	for (i = 0; i < RS_MAX_BUFS; i++) {
		for (p = 0; p < VB2F_MAX_PLANES; p++) {
			if (p && rs->out[i][p])
				munmap(rs->out[i][p], rs_size(rs, false, p));
			if (rs->mmap[i][p])
				munmap(rs->mmap[i][p], rs_size(rs, true, p));
			rs->out[i][p] = NULL;
			rs->mmap[i][p] = NULL;
		}
	}
	for (p = 0; p < VB2F_MAX_PLANES; p++) {
		free(rs->expected[p]);
		rs->expected[p] = NULL;
	}
	vb2f_close(&rs->v);
}

/*
 * Jobs
 */

void rs_fill(struct rs *rs, int out, unsigned int seed)
{
	__u32 x = seed * 2654435761U + 1;
	unsigned int p;
	size_t i;

	for (p = 0; p < rs->op.in.num_planes; p++) {
		for (i = 0; i < rs_size(rs, false, p); i++) {
			/* Any generator will do: this is xorshift. */
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			((__u8 *)rs->out[out][p])[i] = x >> 24;
		}
	}
}

int rs_queue_out(struct rs *rs, int out, const int *fds)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;
	unsigned int p;

	init_out(rs, &b, planes, out);
	b.timestamp.tv_sec = ++rs->stamp;
	for (p = 0; fds && p < b.length; p++)
		planes[p].m.fd = fds[p];
	return vb2f_ioctl(rs->v.fd, VIDIOC_QBUF, &b);
}

int rs_submit(struct rs *rs, int out, int cap, unsigned int seed)
{
	int ret;

	rs_fill(rs, out, seed);
	hs_wipe(&rs->v, cap);
	ret = vb2f_qcap(&rs->v, cap);
	return ret ?: rs_queue_out(rs, out, NULL);
}

int rs_submit_dmabuf(struct rs *rs, int out, int cap, const int *fds)
{
	int ret;

	hs_wipe(&rs->v, cap);
	ret = vb2f_qcap(&rs->v, cap);
	return ret ?: rs_queue_out(rs, out, fds);
}

int rs_finish(struct rs *rs, struct rs_done *done, int ms)
{
	struct hs_done cap;
	int ret;

	ret = hs_dq(&rs->v, true, &cap, ms);
	if (ret >= 0)
		ret = hs_dq(&rs->v, false, NULL, ms);
	if (ret < 0)
		return ret;
	*done = (struct rs_done){ .index = cap.index, .error = cap.error };
	return 0;
}

/*
 * Pictures
 */

int rs_expect(struct rs *rs, void *const in[])
{
	int p;

	for (p = 0; p < rs->v.nplanes; p++)
		memset(rs->expected[p], HS_WIPE, rs->v.size[p]);
	return ref_run(&rs->op, in, rs->expected);
}

size_t rs_differ(const struct rs *rs, void *const planes[])
{
	size_t count = 0, i;
	int p;

	for (p = 0; p < rs->v.nplanes; p++)
		for (i = 0; i < rs->v.size[p]; i++)
			count += ((__u8 *)planes[p])[i] != ((__u8 *)rs->expected[p])[i];
	return count;
}

__u64 rs_hash(const struct rs *rs, void *const planes[])
{
	struct hs_range ranges[3];
	int n = ref_ranges(&rs->op.out, &rs->op.compose, ranges);

	return hs_hash(planes, ranges, n);
}
