// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/dma-buf.h>
#include <linux/media.h>

#include "submit.h"

#define STREAM_SIZE	4096
#define JPEG_HEADER	624	/* the driver writes it, with the CPU */
#define NSEC		1000000000ULL
#define MODELS		"/sys/kernel/debug/models"
#define V4L2_CLASS	"/sys/class/video4linux"

#define BIT(n)		(1U << (n))
#define G1_CODECS	(BIT(HS_H264) | BIT(HS_H264_FIELDS) | BIT(HS_MPEG2) | \
			 BIT(HS_VP8))

const struct hs_node hs_nodes[] = {
	{ "vdpu", "rockchip,rk3568-vpu-dec", G1_CODECS },
	{ "g1", "rockchip,rk3288-vpu-dec", G1_CODECS },
	{ "g1i", "nxp,imx8mq-vpu-g1-dec", G1_CODECS },
	{ "g2", "nxp,imx8mq-vpu-g2-dec",
	  BIT(HS_HEVC) | BIT(HS_HEVC10) | BIT(HS_VP9) },
	{ "vepu", "rockchip,rk3568-vepu-enc", BIT(HS_JPEG) },
	{ "h1", "rockchip,rk3288-vpu-enc", BIT(HS_JPEG) },
	{}
};

const char *const hs_codec_names[HS_NUM_CODECS] = {
	[HS_H264] = "H.264",
	[HS_H264_FIELDS] = "H.264 fields",
	[HS_MPEG2] = "MPEG-2",
	[HS_VP8] = "VP8",
	[HS_HEVC] = "HEVC",
	[HS_HEVC10] = "HEVC 10 bit",
	[HS_VP9] = "VP9",
	[HS_JPEG] = "JPEG encode",
};

static const __u32 coded_formats[HS_NUM_CODECS] = {
	[HS_H264] = V4L2_PIX_FMT_H264_SLICE,
	[HS_H264_FIELDS] = V4L2_PIX_FMT_H264_SLICE,
	[HS_MPEG2] = V4L2_PIX_FMT_MPEG2_SLICE,
	[HS_VP8] = V4L2_PIX_FMT_VP8_FRAME,
	[HS_HEVC] = V4L2_PIX_FMT_HEVC_SLICE,
	[HS_HEVC10] = V4L2_PIX_FMT_HEVC_SLICE,
	[HS_VP9] = V4L2_PIX_FMT_VP9_FRAME,
	[HS_JPEG] = V4L2_PIX_FMT_JPEG,
};

/*
 * Nodes
 */

const struct hs_node *hs_find_node(const char *name)
{
	const struct hs_node *node;

	for (node = hs_nodes; node->name; node++)
		if (!strcmp(node->name, name))
			return node;
	return NULL;
}

static int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	if (len < 0)
		len = -errno;
	close(fd);
	if (len < 0)
		return len;
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = 0;
	return 0;
}

static int find_video(const struct hs_node *node)
{
	char path[64], name[64];
	int i;

	for (i = 0; node && i < 64; i++) {
		snprintf(path, sizeof(path), V4L2_CLASS "/video%d/name", i);
		if (!read_text(path, name, sizeof(name)) &&
		    !strcmp(name, node->video))
			return i;
	}
	return -ENODEV;
}

int hs_open_video(const struct hs_node *node)
{
	char path[64];
	int i, fd;

	i = find_video(node);
	if (i < 0)
		return i;
	snprintf(path, sizeof(path), "/dev/video%d", i);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int hs_open_media(const struct hs_node *node)
{
	char path[64];
	int i, fd = -ENODEV;
	struct dirent *e;
	unsigned int n;
	DIR *dir;

	i = find_video(node);
	if (i < 0)
		return i;
	snprintf(path, sizeof(path), V4L2_CLASS "/video%d/device", i);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		if (sscanf(e->d_name, "media%u", &n) != 1)
			continue;
		snprintf(path, sizeof(path), "/dev/media%u", n);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		break;
	}
	closedir(dir);
	return fd;
}

int hs_device(const struct hs_node *node, char *name, size_t size)
{
	char path[64], real[PATH_MAX];
	int i;

	i = find_video(node);
	if (i < 0)
		return i;
	snprintf(path, sizeof(path), V4L2_CLASS "/video%d/device", i);
	if (!realpath(path, real))
		return -errno;
	snprintf(name, size, "%s", strrchr(real, '/') + 1);
	return 0;
}

/*
 * Controls. They describe a stream that no encoder would make, but that is
 * complete as far as the driver looks at it.
 */

static int get_refs(const struct hs *hs, const struct hs_job *job,
		    struct hs_ref *refs)
{
	int n = 0;

	if (job->intra)
		return 0;
	if (hs->last.ts)
		refs[n++] = hs->last;
	if (hs->golden.ts && hs->golden.ts != hs->last.ts)
		refs[n++] = hs->golden;
	return n;
}

static void fill_h264(const struct hs *hs, const struct hs_job *job,
		      struct hs_ctrls *c)
{
	const struct hs_ref *cur = &hs->cur;
	struct v4l2_ctrl_h264_decode_params *d = &c->h264_decode;
	struct v4l2_ctrl_h264_sps *sps = &c->h264_sps;
	bool fields = hs->setup.codec == HS_H264_FIELDS;
	struct hs_ref refs[3];
	int i, n;

	n = get_refs(hs, job, refs);
	if (job->second)
		refs[n++] = *cur;

	sps->profile_idc = 100;
	sps->level_idc = 30;
	sps->chroma_format_idc = 1;
	sps->max_num_ref_frames = 4;
	sps->log2_max_frame_num_minus4 = 4;
	sps->log2_max_pic_order_cnt_lsb_minus4 = 4;
	sps->pic_width_in_mbs_minus1 = hs->coded.width / 16 - 1;
	sps->pic_height_in_map_units_minus1 =
		hs->coded.height / (fields ? 32 : 16) - 1;
	sps->flags = V4L2_H264_SPS_FLAG_DIRECT_8X8_INFERENCE |
		     (fields ? 0 : V4L2_H264_SPS_FLAG_FRAME_MBS_ONLY);

	c->h264_pps.flags = V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE |
			    V4L2_H264_PPS_FLAG_SCALING_MATRIX_PRESENT;
	memset(&c->h264_scaling, 16, sizeof(c->h264_scaling));

	d->nal_ref_idc = 1;
	d->frame_num = cur->num;
	d->top_field_order_cnt = cur->poc;
	d->bottom_field_order_cnt = cur->poc + 1;
	d->flags = (n ? V4L2_H264_DECODE_PARAM_FLAG_PFRAME :
			V4L2_H264_DECODE_PARAM_FLAG_IDR_PIC) |
		   (fields ? V4L2_H264_DECODE_PARAM_FLAG_FIELD_PIC : 0) |
		   (job->second ? V4L2_H264_DECODE_PARAM_FLAG_BOTTOM_FIELD : 0);
	for (i = 0; i < n; i++) {
		bool own = refs[i].ts == cur->ts;

		d->dpb[i].reference_ts = refs[i].ts;
		d->dpb[i].pic_num = refs[i].num;
		d->dpb[i].frame_num = refs[i].num;
		d->dpb[i].fields = own ? V4L2_H264_TOP_FIELD_REF :
					 V4L2_H264_FRAME_REF;
		d->dpb[i].top_field_order_cnt = refs[i].poc;
		d->dpb[i].bottom_field_order_cnt = refs[i].poc + 1;
		d->dpb[i].flags = V4L2_H264_DPB_ENTRY_FLAG_VALID |
				  V4L2_H264_DPB_ENTRY_FLAG_ACTIVE |
				  (fields ? V4L2_H264_DPB_ENTRY_FLAG_FIELD : 0);
	}
}

static void fill_mpeg2(const struct hs *hs, const struct hs_job *job,
		       struct hs_ctrls *c)
{
	struct v4l2_ctrl_mpeg2_quantisation *q = &c->mpeg2_quantisation;
	struct v4l2_ctrl_mpeg2_picture *pic = &c->mpeg2_picture;
	struct hs_ref refs[3];
	int n;

	n = get_refs(hs, job, refs);
	c->mpeg2_sequence.horizontal_size = hs->coded.width;
	c->mpeg2_sequence.vertical_size = hs->coded.height;
	c->mpeg2_sequence.chroma_format = 1;
	c->mpeg2_sequence.flags = V4L2_MPEG2_SEQ_FLAG_PROGRESSIVE;
	memset(pic->f_code, n ? 4 : 15, sizeof(pic->f_code));
	pic->picture_structure = V4L2_MPEG2_PIC_FRAME;
	pic->picture_coding_type = V4L2_MPEG2_PIC_CODING_TYPE_I;
	pic->flags = V4L2_MPEG2_PIC_FLAG_FRAME_PRED_DCT |
		     V4L2_MPEG2_PIC_FLAG_PROGRESSIVE;
	if (n) {
		pic->picture_coding_type = n > 1 ?
			V4L2_MPEG2_PIC_CODING_TYPE_B :
			V4L2_MPEG2_PIC_CODING_TYPE_P;
		pic->forward_ref_ts = refs[0].ts;
		pic->backward_ref_ts = n > 1 ? refs[1].ts : 0;
	}
	memset(q->intra_quantiser_matrix, 16, 64);
	memset(q->non_intra_quantiser_matrix, 17, 64);
	memset(q->chroma_intra_quantiser_matrix, 18, 64);
	memset(q->chroma_non_intra_quantiser_matrix, 19, 64);
}

static void fill_vp8(const struct hs *hs, const struct hs_job *job,
		     struct hs_ctrls *c)
{
	struct v4l2_ctrl_vp8_frame *f = &c->vp8_frame;
	struct hs_ref refs[3];
	int n;

	n = get_refs(hs, job, refs);
	f->width = hs->coded.width;
	f->height = hs->coded.height;
	f->num_dct_parts = 1;
	f->first_part_size = 1000;
	f->first_part_header_bits = 80;
	f->dct_part_sizes[0] = hs->coded.plane_fmt[0].sizeimage - 1000 -
			       (n ? 3 : 10);
	f->prob_intra = 1;
	f->prob_last = 128;
	f->prob_gf = 128;
	f->lf.level = 8;
	f->quant.y_ac_qi = 20;
	f->coder_state.range = 200;
	f->flags = V4L2_VP8_FRAME_FLAG_SHOW_FRAME;
	if (n) {
		f->last_frame_ts = refs[0].ts;
		f->golden_frame_ts = refs[n - 1].ts;
		f->alt_frame_ts = refs[n - 1].ts;
	} else {
		f->flags |= V4L2_VP8_FRAME_FLAG_KEY_FRAME;
	}
}

static void fill_hevc_sps(const struct hs *hs, struct v4l2_ctrl_hevc_sps *sps)
{
	unsigned int deep = hs->setup.codec == HS_HEVC10 ? 2 : 0;

	sps->pic_width_in_luma_samples = hs->coded.width;
	sps->pic_height_in_luma_samples = hs->coded.height;
	sps->bit_depth_luma_minus8 = deep;
	sps->bit_depth_chroma_minus8 = deep;
	sps->log2_max_pic_order_cnt_lsb_minus4 = 4;
	sps->sps_max_dec_pic_buffering_minus1 = 4;
	sps->log2_diff_max_min_luma_coding_block_size = 3;
	sps->log2_diff_max_min_luma_transform_block_size = 3;
	sps->chroma_format_idc = 1;
	sps->flags = V4L2_HEVC_SPS_FLAG_SAMPLE_ADAPTIVE_OFFSET;
}

static void fill_hevc(const struct hs *hs, const struct hs_job *job,
		      struct hs_ctrls *c)
{
	struct v4l2_ctrl_hevc_decode_params *d = &c->hevc_decode;
	struct hs_ref refs[3];
	int i, n;

	n = get_refs(hs, job, refs);
	fill_hevc_sps(hs, &c->hevc_sps);
	memset(&c->hevc_scaling, 16, sizeof(c->hevc_scaling));
	d->pic_order_cnt_val = hs->cur.poc;
	d->num_active_dpb_entries = n;
	d->num_poc_st_curr_before = n;
	d->flags = n ? 0 : V4L2_HEVC_DECODE_PARAM_FLAG_IRAP_PIC |
			   V4L2_HEVC_DECODE_PARAM_FLAG_IDR_PIC;
	for (i = 0; i < n; i++) {
		d->dpb[i].timestamp = refs[i].ts;
		d->dpb[i].pic_order_cnt_val = refs[i].poc;
		d->poc_st_curr_before[i] = i;
	}
}

static void fill_vp9(const struct hs *hs, const struct hs_job *job,
		     struct hs_ctrls *c)
{
	struct v4l2_ctrl_vp9_frame *f = &c->vp9_frame;
	struct hs_ref refs[3];
	int n;

	n = get_refs(hs, job, refs);
	f->flags = V4L2_VP9_FRAME_FLAG_SHOW_FRAME |
		   V4L2_VP9_FRAME_FLAG_X_SUBSAMPLING |
		   V4L2_VP9_FRAME_FLAG_Y_SUBSAMPLING |
		   V4L2_VP9_FRAME_FLAG_REFRESH_FRAME_CTX;
	f->uncompressed_header_size = 18;
	f->compressed_header_size = 30;
	f->frame_width_minus_1 = hs->coded.width - 1;
	f->render_width_minus_1 = hs->coded.width - 1;
	f->frame_height_minus_1 = hs->coded.height - 1;
	f->render_height_minus_1 = hs->coded.height - 1;
	f->bit_depth = 8;
	f->lf.level = 8;
	f->quant.base_q_idx = 60;
	if (n) {
		f->last_frame_ts = refs[0].ts;
		f->golden_frame_ts = refs[n - 1].ts;
		f->alt_frame_ts = refs[n - 1].ts;
	} else {
		f->flags |= V4L2_VP9_FRAME_FLAG_KEY_FRAME;
	}
}

static int set_ctrls(struct hs *hs, int request, struct v4l2_ext_control *ctrl,
		     int count)
{
	struct v4l2_ext_controls ctrls = {
		.which = request < 0 ? V4L2_CTRL_WHICH_CUR_VAL :
				       V4L2_CTRL_WHICH_REQUEST_VAL,
		.count = count,
		.request_fd = request < 0 ? 0 : request,
		.controls = ctrl,
	};

	return vb2f_ioctl(hs->v.fd, VIDIOC_S_EXT_CTRLS, &ctrls);
}

#define STATELESS(_id, _field)						\
	{ .id = V4L2_CID_STATELESS_##_id, .size = sizeof(_field), .ptr = &(_field) }
#define SET_CTRLS(_hs, _request, ...) ({				\
	struct v4l2_ext_control _c[] = { __VA_ARGS__ };			\
	set_ctrls(_hs, _request, _c, sizeof(_c) / sizeof(*_c));		\
})

static int fill_request(struct hs *hs, const struct hs_job *job)
{
	int ret = -EINVAL, request = hs->v.req[job->out];
	struct hs_ctrls *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	fill_h264(hs, job, c);
	fill_mpeg2(hs, job, c);
	fill_vp8(hs, job, c);
	fill_hevc(hs, job, c);
	fill_vp9(hs, job, c);
	if (job->edit)
		job->edit(hs, c);

	switch (coded_formats[hs->setup.codec]) {
	case V4L2_PIX_FMT_H264_SLICE:
		ret = SET_CTRLS(hs, request,
				STATELESS(H264_SPS, c->h264_sps),
				STATELESS(H264_PPS, c->h264_pps),
				STATELESS(H264_SCALING_MATRIX, c->h264_scaling),
				STATELESS(H264_DECODE_PARAMS, c->h264_decode));
		break;
	case V4L2_PIX_FMT_MPEG2_SLICE:
		ret = SET_CTRLS(hs, request,
				STATELESS(MPEG2_SEQUENCE, c->mpeg2_sequence),
				STATELESS(MPEG2_PICTURE, c->mpeg2_picture),
				STATELESS(MPEG2_QUANTISATION, c->mpeg2_quantisation));
		break;
	case V4L2_PIX_FMT_VP8_FRAME:
		ret = SET_CTRLS(hs, request, STATELESS(VP8_FRAME, c->vp8_frame));
		break;
	case V4L2_PIX_FMT_HEVC_SLICE:
		ret = SET_CTRLS(hs, request,
				STATELESS(HEVC_SPS, c->hevc_sps),
				STATELESS(HEVC_PPS, c->hevc_pps),
				STATELESS(HEVC_SCALING_MATRIX, c->hevc_scaling),
				STATELESS(HEVC_DECODE_PARAMS, c->hevc_decode));
		break;
	case V4L2_PIX_FMT_VP9_FRAME:
		ret = SET_CTRLS(hs, request,
				STATELESS(VP9_FRAME, c->vp9_frame),
				STATELESS(VP9_COMPRESSED_HDR, c->vp9_hdr));
		break;
	}
	free(c);
	return ret;
}

/*
 * Contexts
 */

static bool is_encoder(const struct hs *hs)
{
	return hs->setup.codec == HS_JPEG;
}

static int set_format(struct hs *hs, __u32 type, __u32 fourcc,
		      struct v4l2_pix_format_mplane *result)
{
	struct v4l2_format f = { .type = type };
	struct v4l2_pix_format_mplane *mp = &f.fmt.pix_mp;
	int ret;

	mp->width = hs->setup.width;
	mp->height = hs->setup.height;
	mp->pixelformat = fourcc;
	mp->num_planes = 1;
	if (type == hs->v.out_type && !is_encoder(hs))
		mp->plane_fmt[0].sizeimage = STREAM_SIZE;
	ret = vb2f_ioctl(hs->v.fd, fourcc ? VIDIOC_S_FMT : VIDIOC_G_FMT, &f);
	if (ret)
		return ret;
	if ((fourcc && mp->pixelformat != fourcc) || mp->num_planes != 1)
		return -EINVAL;
	*result = *mp;
	return 0;
}

static int set_formats(struct hs *hs)
{
	__u32 coded = coded_formats[hs->setup.codec];
	struct v4l2_ctrl_hevc_sps sps = {};
	int ret;

	if (is_encoder(hs)) {
		ret = set_format(hs, hs->v.cap_type, coded, &hs->coded);
		if (!ret)
			ret = set_format(hs, hs->v.out_type, hs->setup.fourcc ?:
					 V4L2_PIX_FMT_YUYV, &hs->raw);
		hs->v.out_size = hs->raw.plane_fmt[0].sizeimage;
		hs->v.size[0] = hs->coded.plane_fmt[0].sizeimage;
		return ret;
	}

	ret = set_format(hs, hs->v.out_type, coded, &hs->coded);
	if (!ret && hs->setup.codec == HS_HEVC10) {
		/* The depth of the stream decides which formats there are. */
		fill_hevc_sps(hs, &sps);
		ret = SET_CTRLS(hs, -1, STATELESS(HEVC_SPS, sps));
	}
	if (!ret)
		ret = set_format(hs, hs->v.cap_type, hs->setup.fourcc, &hs->raw);
	hs->v.out_size = hs->coded.plane_fmt[0].sizeimage;
	hs->v.size[0] = hs->raw.plane_fmt[0].sizeimage;
	return ret;
}

int hs_open(struct hs *hs, const struct hs_setup *setup)
{
	int i, ret;

	memset(hs, 0, sizeof(*hs));
	hs->setup = *setup;
	hs->v.setup = &hs->vsetup;
	hs->v.fd = -1;
	hs->v.media_fd = -1;
	hs->v.mplane = true;
	hs->v.nplanes = 1;
	hs->v.out_type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
	hs->v.cap_type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	for (i = 0; i < VB2F_MAX_BUFS; i++) {
		hs->v.req[i] = -1;
		hs->v.cap[i].fd[0] = -1;
	}

	hs->node = hs_find_node(setup->node);
	if (!hs->node || !(hs->node->codecs & BIT(setup->codec)))
		return -EINVAL;
	hs->v.fd = hs_open_video(hs->node);
	if (hs->v.fd < 0)
		return hs->v.fd;
	if (!is_encoder(hs))
		hs->v.media_fd = hs_open_media(hs->node);
	ret = is_encoder(hs) || hs->v.media_fd >= 0 ? 0 : hs->v.media_fd;
	if (!ret)
		ret = set_formats(hs);
	if (!ret)
		ret = vb2f_reqbufs(&hs->v, hs->v.cap_type, V4L2_MEMORY_MMAP, 0,
				   &hs->v.cap_caps);
	if (ret)
		hs_close(hs);
	return ret;
}

int hs_alloc_dmabufs(const struct hs_setup *setup, int count, int *fds)
{
	struct hs_setup other = *setup;
	int i, ret;
	struct hs *hs;

	hs = malloc(sizeof(*hs));
	if (!hs)
		return -ENOMEM;
	other.import = false;
	ret = hs_open(hs, &other);
	if (!ret) {
		hs->v.cap_memory = V4L2_MEMORY_MMAP;
		ret = vb2f_reqbufs(&hs->v, hs->v.cap_type, V4L2_MEMORY_MMAP,
				   count, NULL);
		for (i = 0; i < count && ret >= 0; i++) {
			ret = vb2f_expbuf(&hs->v, i, 0);
			fds[i] = ret;
		}
		hs_close(hs);
		while (ret < 0 && --i > 0)
			close(fds[i - 1]);
	}
	free(hs);
	return ret < 0 ? ret : 0;
}

static int import_cap(struct hs *hs)
{
	int fds[VB2F_MAX_BUFS], ret, i;

	if (hs->setup.ncap > VB2F_MAX_BUFS)
		return -EINVAL;
	ret = vb2f_reqbufs(&hs->v, hs->v.cap_type, V4L2_MEMORY_DMABUF,
			   hs->setup.ncap, NULL);
	if (ret < 0)
		return ret;
	hs->v.cap_memory = V4L2_MEMORY_DMABUF;
	ret = hs_alloc_dmabufs(&hs->setup, hs->setup.ncap, fds);
	if (ret)
		return ret;
	for (i = 0; i < hs->setup.ncap; i++)
		hs->v.cap[i].fd[0] = fds[i];
	hs->v.ncap = hs->setup.ncap;
	for (i = 0; i < hs->setup.ncap && !ret; i++)
		ret = vb2f_map_buf(&hs->v, &hs->v.cap[i]);
	return ret;
}

/* The other way to the same memory: through the video node */
static int map_cap(struct hs *hs)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;
	int i, ret;
	void *map;

	for (i = 0; i < hs->v.ncap; i++) {
		vb2f_init_buf(&hs->v, &b, planes, true, i);
		ret = vb2f_ioctl(hs->v.fd, VIDIOC_QUERYBUF, &b);
		if (ret)
			return ret;
		map = mmap(NULL, hs->v.size[0], PROT_READ, MAP_SHARED,
			   hs->v.fd, planes[0].m.mem_offset);
		if (map == MAP_FAILED)
			return -errno;
		hs->mmap[i] = map;
	}
	return 0;
}

int hs_start(struct hs *hs)
{
	int nout = hs->setup.import_out ? 0 : hs->setup.nout;
	int ncap = hs->setup.import ? 0 : hs->setup.ncap;
	int ret;

	hs->vsetup.memory = VB2F_MMAP;
	ret = vb2f_alloc(&hs->v, nout, ncap);
	if (!ret && hs->setup.import_out)
		ret = vb2f_reqbufs(&hs->v, hs->v.out_type, V4L2_MEMORY_DMABUF,
				   hs->setup.nout, NULL);
	if (ret >= 0)
		ret = hs->setup.import ? import_cap(hs) : map_cap(hs);
	if (!ret)
		ret = hs_stream(hs, true);
	if (ret)
		hs_close(hs);
	return ret;
}

void hs_forget(struct hs *hs)
{
	hs->frames = 0;
	memset(&hs->last, 0, sizeof(hs->last));
	memset(&hs->golden, 0, sizeof(hs->golden));
}

static void drop_request(struct hs *hs, int i)
{
	if (hs->v.req[i] >= 0)
		close(hs->v.req[i]);
	hs->v.req[i] = -1;
}

int hs_stream(struct hs *hs, bool on)
{
	int i, ret;

	ret = vb2f_stream(&hs->v, on);
	hs_forget(hs);
	if (!on)
		for (i = 0; i < VB2F_MAX_BUFS; i++)
			drop_request(hs, i);
	return ret;
}

void hs_close(struct hs *hs)
{
	int i;

	for (i = 0; i < VB2F_MAX_BUFS; i++) {
		if (hs->mmap[i])
			munmap(hs->mmap[i], hs->v.size[0]);
		hs->mmap[i] = NULL;
	}
	vb2f_close(&hs->v);
}

/*
 * Jobs
 */

int hs_queue_cap(struct hs *hs, int cap)
{
	return vb2f_qcap(&hs->v, cap);
}

int hs_wait_request(struct hs *hs, int out, int ms)
{
	int ret = vb2f_poll(hs->v.req[out], POLLPRI, ms);

	return ret > 0 ? 0 : ret ?: -ETIMEDOUT;
}

static int get_request(struct hs *hs, int out)
{
	int ret;

	if (hs->v.req[out] < 0)
		return vb2f_ioctl(hs->v.media_fd, MEDIA_IOC_REQUEST_ALLOC,
				  &hs->v.req[out]);
	/* It completes a little later than its buffer. */
	ret = hs_wait_request(hs, out, VB2F_TIMEOUT_MS);
	return ret ?: vb2f_ioctl(hs->v.req[out], MEDIA_REQUEST_IOC_REINIT, NULL);
}

/* The frame that this job is the first of, and what may still be referred to */
static void new_frame(struct hs *hs, const struct hs_job *job)
{
	if (hs->last.cap == job->cap)
		hs->last.ts = 0;
	if (hs->golden.cap == job->cap)
		hs->golden.ts = 0;
	hs->cur.ts = ++hs->stamp * NSEC;
	hs->cur.cap = job->cap;
	hs->cur.poc = 2 * hs->frames;
	hs->cur.num = hs->frames % 256;
	hs->frames++;
}

static int queue_out(struct hs *hs, const struct hs_job *job, int fd,
		     size_t size)
{
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;

	vb2f_init_buf(&hs->v, &b, planes, false, job->out);
	b.timestamp.tv_sec = hs->stamp;
	if (job->hold)
		b.flags |= V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF;
	if (!is_encoder(hs)) {
		b.flags |= V4L2_BUF_FLAG_REQUEST_FD;
		b.request_fd = hs->v.req[job->out];
	}
	if (fd >= 0) {
		b.memory = V4L2_MEMORY_DMABUF;
		planes[0].m.fd = fd;
		planes[0].length = size;
	}
	return vb2f_ioctl(hs->v.fd, VIDIOC_QBUF, &b);
}

int hs_prepare(struct hs *hs, const struct hs_job *job)
{
	int ret = 0;

	if (!job->second)
		new_frame(hs, job);
	vb2f_fill_out(&hs->v, job->out, job->seed);
	if (!is_encoder(hs))
		ret = get_request(hs, job->out) ?: fill_request(hs, job);
	if (!ret)
		ret = queue_out(hs, job, -1, 0);
	if (ret) {
		drop_request(hs, job->out);
		return ret;
	}
	if (!job->keep && !job->hold) {
		hs->last = hs->cur;
		if (!hs->golden.ts)
			hs->golden = hs->cur;
	}
	return 0;
}

int hs_queue_request(struct hs *hs, int out)
{
	if (is_encoder(hs))
		return 0;	/* queueing the buffer was enough */
	return vb2f_ioctl(hs->v.req[out], MEDIA_REQUEST_IOC_QUEUE, NULL);
}

int hs_submit(struct hs *hs, const struct hs_job *job)
{
	int ret = 0;

	if (!job->second)
		ret = hs_queue_cap(hs, job->cap);
	if (!ret)
		ret = hs_prepare(hs, job);
	return ret ?: hs_queue_request(hs, job->out);
}

int hs_submit_frame(struct hs *hs, int out, int cap, unsigned int seed)
{
	struct hs_job job = { .out = out, .cap = cap, .seed = seed };
	int ret;

	if (hs->setup.codec == HS_H264_FIELDS) {
		job.hold = true;
		ret = hs_submit(hs, &job);
		if (!ret)
			ret = hs_dq(&hs->v, false, NULL, VB2F_TIMEOUT_MS);
		if (ret < 0)
			return ret;
		job.hold = false;
		job.second = true;
		job.seed = ~seed;
	}
	return hs_submit(hs, &job);
}

int hs_submit_dmabuf(struct hs *hs, int out, int cap, int fd, size_t size)
{
	struct hs_job job = { .out = out, .cap = cap };
	int ret;

	ret = hs_queue_cap(hs, cap);
	if (ret)
		return ret;
	new_frame(hs, &job);
	return queue_out(hs, &job, fd, size);
}

int hs_dq(const struct vb2f *v, bool capture, struct hs_done *done, int ms)
{
	__u64 end = vb2f_now() + ms * 1000000ULL;
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;
	int ret;

	for (;;) {
		vb2f_init_buf(v, &b, planes, capture, 0);
		b.length = VB2F_MAX_PLANES;
		ret = vb2f_ioctl(v->fd, VIDIOC_DQBUF, &b);
		if (ret != -EAGAIN)
			break;
		if (vb2f_now() > end)
			return -ETIMEDOUT;
		vb2f_sleep_us(500);
	}
	if (ret)
		return ret;
	if (done) {
		done->index = b.index;
		done->error = b.flags & V4L2_BUF_FLAG_ERROR;
		done->bytesused = planes[0].bytesused;
	}
	return b.index;
}

int hs_finish(struct hs *hs, struct hs_done *cap, int ms)
{
	int ret;

	ret = hs_dq(&hs->v, true, cap, ms);
	if (ret >= 0)
		ret = hs_dq(&hs->v, false, NULL, ms);
	return ret < 0 ? ret : 0;
}

/*
 * The content of buffers
 */

__u64 hs_fnv(__u64 hash, const void *data, size_t size)
{
	const __u8 *byte = data;

	while (size--)
		hash = (hash ^ *byte++) * 0x100000001b3ULL;
	return hash;
}

int hs_ranges(const struct hs *hs, int field, struct hs_range ranges[2])
{
	const struct v4l2_pix_format_mplane *raw = &hs->raw;
	size_t line = raw->plane_fmt[0].bytesperline;
	struct hs_range *r = ranges;
	int i, n = 2;

	memset(ranges, 0, 2 * sizeof(*ranges));
	if (is_encoder(hs)) {
		r->offset = JPEG_HEADER;
		r->rows = 1;		/* how much it is, DQBUF says */
		return 1;
	}
	if (raw->pixelformat == V4L2_PIX_FMT_YUYV)
		n = 1;
	for (i = 0; i < n; i++) {
		r[i].offset = i * line * raw->height;
		r[i].width = line;
		r[i].stride = line;
		r[i].rows = raw->height / (i + 1);
		if (field < 0)
			continue;
		r[i].offset += field * line;
		r[i].stride *= 2;
		r[i].rows /= 2;
	}
	return n;
}

__u64 hs_hash(void *const planes[], const struct hs_range *ranges, int count)
{
	__u64 hash = HS_FNV_INIT;
	size_t row;

	for (; count--; ranges++)
		for (row = 0; row < ranges->rows; row++)
			hash = hs_fnv(hash, (const char *)planes[ranges->plane] +
				      ranges->offset + row * ranges->stride, ranges->width);
	return hash;
}

size_t hs_range_bytes(const struct hs_range *ranges, int count)
{
	size_t bytes = 0;

	for (; count--; ranges++)
		bytes += ranges->width * ranges->rows;
	return bytes;
}

int hs_cpu_access(int dmabuf, bool begin, bool write)
{
	struct dma_buf_sync sync = {
		.flags = (begin ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END) |
			 (write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ),
	};

	return vb2f_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync);
}

void hs_wipe(const struct vb2f *v, int cap)
{
	const struct vb2f_buf *buf = &v->cap[cap];
	int p;

	for (p = 0; p < v->nplanes; p++) {
		hs_cpu_access(buf->fd[p], true, true);
		memset(buf->map[p], HS_WIPE, v->size[p]);
		hs_cpu_access(buf->fd[p], false, true);
	}
}

/*
 * Models
 */

int hs_knob_set(const char *node, const char *knob, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), MODELS "/%s/%s", node, knob);
	return vb2f_write(path, value);
}

int hs_knob_set_int(const char *node, const char *knob, long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", value);
	return hs_knob_set(node, knob, text);
}

int hs_knob_get(const char *node, const char *knob, char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), MODELS "/%s/%s", node, knob);
	return read_text(path, text, size);
}

long long hs_knob_int(const char *node, const char *knob)
{
	char text[64];
	int ret;

	ret = hs_knob_get(node, knob, text, sizeof(text));
	return ret ?: *text == 'Y' ? 1 : strtoll(text, NULL, 0);
}

int hs_knob_hash(const char *node, __u64 *hash)
{
	char text[64];
	int ret;

	ret = hs_knob_get(node, "last_hash", text, sizeof(text));
	if (!ret)
		*hash = strtoull(text, NULL, 16);
	return ret;
}

static int wait_knob(const char *node, const char *knob, long long min,
		     long long max, int ms)
{
	__u64 end = vb2f_now() + ms * 1000000ULL;
	long long is;

	for (;;) {
		is = hs_knob_int(node, knob);
		if (is < 0)
			return is;
		if (is >= min && is <= max)
			return 0;
		if (vb2f_now() > end)
			return -ETIMEDOUT;
		vb2f_sleep_us(200);
	}
}

int hs_wait_count(const char *node, const char *knob, long long count, int ms)
{
	return wait_knob(node, knob, count, LLONG_MAX, ms);
}

int hs_wait_active(const char *node, bool active, int ms)
{
	return wait_knob(node, "active", active, active, ms);
}

void hs_knobs_reset(const char *node)
{
	hs_knob_set(node, "fault", "none");
	hs_knob_set_int(node, "fault_count", -1);
	hs_knob_set_int(node, "time_us", 2000);
	hs_knob_set_int(node, "extra_us", 2500000);
}
