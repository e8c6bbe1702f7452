// SPDX-License-Identifier: GPL-2.0
/*
 * What the driver must not do, whatever userspace asks for and however little memory there is:
 * jobs that cannot be started come back as failed, and their requests complete; the
 * hardware stays off, and writes nowhere but to the buffers of the job.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "jobs.h"

static void expect_refused(struct hs *hs, struct hs_job *job, long long starts)
{
	struct hs_done done;

	wait_done(&hs->v, job->cap, &done);
	CHECK(get("starts") == starts, "the hardware was started");
	CHECK(done.error, "a failed job has no V4L2_BUF_FLAG_ERROR");
	CHECK(vb2f_poll(hs->v.req[job->out], POLLPRI, 2000) > 0, "the request does not complete");
	CHECK(hs_knob_int(node, "clk_enabled") == 0, "the clock stays on");
}

/* A job that run() has to refuse */
static void refused(enum hs_codec what, __u32 fourcc,
		    void (*edit)(struct hs *hs, struct hs_ctrls *c))
{
	struct hs_job job = { .seed = 1, .keep = true, .edit = edit };
	struct hs_setup setup = {
		.node = node,
		.codec = what,
		.fourcc = fourcc,
		.width = WIDTH,
		.height = HEIGHT,
		.nout = 2,
		.ncap = NCAP,
	};
	long long starts;
	struct hs hs;

	DO(hs_open(&hs, &setup));
	DO(hs_start(&hs));
	one_good_job(&hs.v);
	starts = get("starts");
	DO(hs_submit(&hs, &job));
	expect_refused(&hs, &job, starts);
	one_good_job(&hs.v);
	hs_close(&hs);
}

static void edit_wider(struct hs *hs, struct hs_ctrls *c)
{
	(void)hs;
	c->hevc_sps.pic_width_in_luma_samples += 64;
}

static void t_wrong_size(void)
{
	refused(HS_HEVC, V4L2_PIX_FMT_NV12_4L4, edit_wider);
}

static void edit_larger(struct hs *hs, struct hs_ctrls *c)
{
	(void)hs;
	c->hevc_sps.pic_width_in_luma_samples = 1024;
	c->hevc_sps.pic_height_in_luma_samples = 1024;
	c->vp9_frame.frame_width_minus_1 = 1023;
	c->vp9_frame.frame_height_minus_1 = 1023;
}

static void t_too_large(void)
{
	refused(HS_HEVC, V4L2_PIX_FMT_NV12, edit_larger);
}

static void t_too_large_vp9(void)
{
	refused(HS_VP9, 0, edit_larger);
}

static void edit_blocks(struct hs *hs, struct hs_ctrls *c)
{
	(void)hs;
	c->hevc_sps.log2_diff_max_min_luma_coding_block_size = 60;
}

static void t_block_size(void)
{
	refused(HS_HEVC, 0, edit_blocks);
}

static void edit_bottom(struct hs *hs, struct hs_ctrls *c)
{
	(void)hs;
	c->h264_decode.flags |= V4L2_H264_DECODE_PARAM_FLAG_BOTTOM_FIELD;
}

/* A bottom field, but of no field picture */
static void t_bottom_field(void)
{
	refused(HS_H264, 0, edit_bottom);
}

static void edit_rows(struct hs *hs, struct hs_ctrls *c)
{
	(void)hs;
	c->vp9_frame.tile_rows_log2 = 20;
}

/* The driver would write as many. */
static void t_tile_rows(void)
{
	struct hs_job job = { .seed = 1, .keep = true, .edit = edit_rows };
	struct hs hs;

	open_as(&hs, node, HS_VP9);
	CHECK(hs_prepare(&hs, &job) == -EINVAL, "2^20 rows of tiles are accepted");
	one_good_job(&hs.v);
	hs_close(&hs);
}

/* Two frames with the controls of one */
static void t_two_buffers(void)
{
	struct hs_job job = { .seed = 1 };
	struct v4l2_plane planes[VB2F_MAX_PLANES];
	struct v4l2_buffer b;
	struct hs hs;

	open_one(&hs);
	DO(hs_queue_cap(&hs, 0));
	DO(hs_queue_cap(&hs, 1));
	DO(hs_prepare(&hs, &job));
	vb2f_init_buf(&hs.v, &b, planes, false, 1);
	b.flags |= V4L2_BUF_FLAG_REQUEST_FD;
	b.request_fd = hs.v.req[0];
	DO(vb2f_ioctl(hs.v.fd, VIDIOC_QBUF, &b));
	CHECK(hs_queue_request(&hs, 0) == -EINVAL, "a request with two buffers is accepted");
	DO(hs_stream(&hs, false));
	DO(hs_stream(&hs, true));
	one_good_job(&hs.v);
	hs_close(&hs);
}

/* What S_FMT makes of a format; a plane of it is to have @size bytes. */
static struct v4l2_pix_format_mplane try_format(struct hs *hs, __u32 type, __u32 fourcc,
						__u32 size)
{
	struct v4l2_format f = { .type = type };

	f.fmt.pix_mp.width = WIDTH;
	f.fmt.pix_mp.height = HEIGHT;
	f.fmt.pix_mp.pixelformat = fourcc;
	f.fmt.pix_mp.num_planes = 1;
	f.fmt.pix_mp.plane_fmt[0].sizeimage = size;
	DO(vb2f_ioctl(hs->v.fd, VIDIOC_S_FMT, &f));
	return f.fmt.pix_mp;
}

/* Coded formats on the side of the pictures, and the other way round */
static void t_formats(void)
{
	static const __u32 coded[] = {
		V4L2_PIX_FMT_MPEG2_SLICE, V4L2_PIX_FMT_H264_SLICE, V4L2_PIX_FMT_VP8_FRAME,
		V4L2_PIX_FMT_HEVC_SLICE, V4L2_PIX_FMT_VP9_FRAME, V4L2_PIX_FMT_JPEG,
	};
	static const __u32 raw[] = {
		V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_NV12_4L4, V4L2_PIX_FMT_YUV420M,
		V4L2_PIX_FMT_NV12M,
	};
	bool encoder = listed(ENCODERS, node);
	struct hs_setup setup = {
		.node = node,
		.codec = codec_of(node),
		.width = WIDTH,
		.height = HEIGHT,
	};
	struct v4l2_pix_format_mplane f;
	unsigned int i;
	struct hs hs;

	DO(hs_open(&hs, &setup));
	for (i = 0; i < sizeof(coded) / sizeof(*coded); i++) {
		f = try_format(&hs, encoder ? hs.v.out_type : hs.v.cap_type, coded[i], 4096);
		CHECK(f.pixelformat != coded[i], "pictures in the coded format %.4s",
		      (const char *)&coded[i]);
		CHECK(f.plane_fmt[0].sizeimage >= WIDTH * HEIGHT, "a picture of %u bytes",
		      f.plane_fmt[0].sizeimage);
	}
	for (i = 0; i < sizeof(raw) / sizeof(*raw); i++) {
		f = try_format(&hs, encoder ? hs.v.cap_type : hs.v.out_type, raw[i], 4096);
		CHECK(f.pixelformat != raw[i], "coded data in the picture's format %.4s",
		      (const char *)&raw[i]);
	}
	hs_close(&hs);
	open_one(&hs);
	one_good_job(&hs.v);
	hs_close(&hs);
}

/* Eight bits for a stream of ten */
static void t_depth(void)
{
	struct hs_setup setup = {
		.node = node,
		.codec = HS_HEVC10,
		.width = WIDTH,
		.height = HEIGHT,
	};
	struct hs hs;

	DO(hs_open(&hs, &setup));
	CHECK(try_format(&hs, hs.v.cap_type, V4L2_PIX_FMT_NV12, 0).pixelformat !=
	      V4L2_PIX_FMT_NV12, "pictures of 8 bits for a stream of 10");
	CHECK(try_format(&hs, hs.v.cap_type, V4L2_PIX_FMT_P010, 0).pixelformat ==
	      V4L2_PIX_FMT_P010, "no pictures of 10 bits for a stream of 10");
	hs_close(&hs);
}

/* No room for anything but the header of a JPEG file */
static void t_no_room(void)
{
	struct hs_setup setup = {
		.node = node,
		.codec = HS_JPEG,
		.width = WIDTH,
		.height = HEIGHT,
	};
	struct hs hs;

	DO(hs_open(&hs, &setup));
	CHECK(try_format(&hs, hs.v.cap_type, V4L2_PIX_FMT_JPEG, 1).plane_fmt[0].sizeimage > 1024,
	      "a JPEG file of one byte");
	hs_close(&hs);
}

/* S_FMT of an encoder's CAPTURE queue starts over with the format of the pictures. */
static void t_same_format(void)
{
	struct hs_job job = { .seed = 5 };
	struct hs_done done;
	__u64 hash[2];
	struct hs hs;
	int i;

	open_one(&hs);
	for (i = 0; i < 2; i++) {
		DO(hs_submit(&hs, &job));
		wait_done(&hs.v, 0, &done);
		CHECK(!done.error, "a job fails");
		hash[i] = frame_hash(&hs, &done);
		try_format(&hs, hs.v.cap_type, V4L2_PIX_FMT_JPEG, hs.v.size[0]);
	}
	CHECK(hash[0] == hash[1], "the same picture gives another file");
	hs_close(&hs);
}

static void set_size(struct hs *hs, unsigned int width, unsigned int height)
{
	struct v4l2_format f = { .type = hs->v.out_type };

	DO(vb2f_ioctl(hs->v.fd, VIDIOC_G_FMT, &f));
	f.fmt.pix_mp.width = width;
	f.fmt.pix_mp.height = height;
	DO(vb2f_ioctl(hs->v.fd, VIDIOC_S_FMT, &f));
}

/* The format grows when the buffers are queued already. */
static void t_too_small(void)
{
	struct hs_job job = { .seed = 1, .keep = true };
	long long starts;
	struct hs hs;

	open_one(&hs);
	starts = get("starts");
	DO(hs_queue_cap(&hs, 0));
	set_size(&hs, 640, 384);
	DO(hs_prepare(&hs, &job));
	DO(hs_queue_request(&hs, 0));
	expect_refused(&hs, &job, starts);
	set_size(&hs, WIDTH, HEIGHT);
	one_good_job(&hs.v);
	hs_close(&hs);
}

/* A reference that was left over when the format grew: the frame must not show what it is. */
static void t_small_reference(void)
{
	struct v4l2_create_buffers c = { .count = 1, .memory = V4L2_MEMORY_MMAP };
	struct hs_job job = { .out = 1, .seed = 2, .keep = true };
	struct hs_done done;
	__u64 hash[2];
	struct hs hs;
	int i;

	open_as(&hs, node, HS_H264);
	submit(&hs.v, 0, 0, 1);
	ends_well(&hs.v, 0, 0);
	set_size(&hs, 1280, 720);
	c.format.type = hs.v.cap_type;
	DO(vb2f_ioctl(hs.v.fd, VIDIOC_G_FMT, &c.format));
	DO(vb2f_ioctl(hs.v.fd, VIDIOC_CREATE_BUFS, &c));
	job.cap = c.index;
	hs.coded.width = 1280;
	hs.coded.height = 720;
	for (i = 0; i < 2; i++) {
		DO(hs_submit(&hs, &job));
		wait_done(&hs.v, job.cap, &done);
		CHECK(!done.error, "a job with a reference that is too small fails");
		DO(hs_knob_hash(node, &hash[i]));
		hs_wipe(&hs.v, 0);
	}
	CHECK(hash[0] == hash[1], "a reference that is too small is used");
	hs_close(&hs);
	open_one(&hs);
	one_good_job(&hs.v);
	hs_close(&hs);
}

static volatile bool race_over;

static void *change_formats(void *arg)
{
	int i;

	for (i = 0; !race_over; i = !i)
		set_size(arg, i ? WIDTH : 640, i ? HEIGHT : 480);
	return NULL;
}

/* Of all parts of the picture that was written last */
static size_t written(void)
{
	char text[256], *line;
	size_t sum = 0, len;

	DO(hs_knob_get(node, "last_dst", text, sizeof(text)));
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		CHECK(sscanf(line, "%*x %zu", &len) == 1, "last_dst: %s", line);
		sum += len;
	}
	return sum;
}

/* S_FMT of another thread, while jobs are started */
static void t_race(void)
{
	struct hs_job job = { .intra = true, .keep = true };
	__u64 begin = vb2f_now();
	struct hs_done done;
	pthread_t thread;
	int ret, n = 0, bad = 0;
	struct hs hs;

	open_one(&hs);
	set("time_us", 20);
	DO(-pthread_create(&thread, NULL, change_formats, &hs));
	while (ms_since(begin) < 8000) {
		/* Not while the format is the larger one */
		while ((ret = hs_queue_cap(&hs, 0)) == -EINVAL)
			;
		DO(ret);
		job.out = !job.out;
		DO(hs_prepare(&hs, &job));
		DO(hs_queue_request(&hs, job.out));
		wait_done(&hs.v, 0, &done);
		CHECK(done.error || written() <= hs.v.size[0],
		      "more than there is room for is written");
		bad += done.error;
		n++;
	}
	race_over = true;
	pthread_join(thread, NULL);
	CHECK(bad && bad < n, "%d of %d jobs failed: that was no race", bad, n);
	hs_close(&hs);
	open_one(&hs);
	one_good_job(&hs.v);
	hs_close(&hs);
}

static void edit_depth(struct hs *hs, struct hs_ctrls *c)
{
	(void)hs;
	c->hevc_sps.bit_depth_luma_minus8 = 2;
	c->hevc_sps.bit_depth_chroma_minus8 = 2;
}

/* The job's own controls make the format grow. */
static void t_too_deep(void)
{
	struct hs_job job = { .seed = 1, .keep = true, .edit = edit_depth };
	long long starts;
	struct hs hs;

	open_one(&hs);
	starts = get("starts");
	DO(hs_submit(&hs, &job));
	expect_refused(&hs, &job, starts);
	hs_close(&hs);
	open_one(&hs);
	one_good_job(&hs.v);
	hs_close(&hs);
}

static void open_postproc(struct hs *hs, enum hs_codec what)
{
	struct hs_setup setup = {
		.node = node,
		.codec = what,
		.fourcc = codec_of(node) == HS_HEVC ? V4L2_PIX_FMT_NV12 : V4L2_PIX_FMT_YUYV,
		.width = 640,
		.height = 384,
		.nout = 2,
		.ncap = NCAP,
	};

	DO(hs_open(hs, &setup));
	DO(hs_start(hs));
}

/* One more CAPTURE buffer, for which the post-processor has none yet. */
static int create_cap(struct hs *hs)
{
	struct v4l2_create_buffers c = {
		.count = 1,
		.memory = V4L2_MEMORY_MMAP,
		.format.type = hs->v.cap_type,
		.format.fmt.pix_mp = hs->raw,
	};

	DO(vb2f_ioctl(hs->v.fd, VIDIOC_CREATE_BUFS, &c));
	return c.index;
}

static void edit_lost_ref(struct hs *hs, struct hs_ctrls *c)
{
	__u64 lost = hs->cur.ts - 1000000000ULL;

	c->vp9_frame.flags &= ~V4L2_VP9_FRAME_FLAG_KEY_FRAME;
	c->vp9_frame.last_frame_ts = lost;
	c->vp9_frame.golden_frame_ts = lost;
	c->vp9_frame.alt_frame_ts = lost;
}

/* The memory that the post-processor reads from cannot be had. */
static void without_memory(enum hs_codec what, bool lost)
{
	struct hs_job job = { .seed = 1, .keep = true };
	struct hs_job next = { .out = 1, .cap = 1, .keep = true, .edit = edit_lost_ref };
	long long starts, bad = get("bad");
	struct hs_done done;
	struct hs hs;

	open_postproc(&hs, what);
	one_good_job(&hs.v);
	job.cap = create_cap(&hs);
	starts = get("starts");
	no_memory(true, 5);
	DO(hs_submit(&hs, &job));
	if (lost) {
		wait_done(&hs.v, job.cap, &done);
		DO(hs_submit(&hs, &next));
		no_memory(false, 0);
		wait_done(&hs.v, 1, &done);
		CHECK(get("bad") == bad, "DMA to a bad address");
		CHECK(!done.error, "a job with a lost reference fails");
	} else {
		no_memory(false, 0);
		expect_refused(&hs, &job, starts);
	}
	job.keep = false;
	DO(hs_submit(&hs, &job));
	wait_done(&hs.v, job.cap, &done);
	CHECK(!done.error, "a job fails although there is memory");
	one_good_job(&hs.v);
	hs_close(&hs);
}

static void t_no_memory(void)
{
	without_memory(strcmp(node, "g2") ? HS_H264 : HS_VP9, false);
}

static void t_no_memory_2(void)
{
	without_memory(codec_of(node), false);
}

static void t_no_memory_vp8(void)
{
	without_memory(HS_VP8, false);
}

static void t_lost_reference(void)
{
	without_memory(HS_VP9, true);
}

static void t_start_fails(void)
{
	struct hs_setup setup = {
		.node = node,
		.codec = HS_H264,
		.fourcc = V4L2_PIX_FMT_YUYV,
		.width = 640,
		.height = 384,
	};
	struct hs_done done;
	struct hs hs;
	int i, ret;

	DO(hs_open(&hs, &setup));
	hs.vsetup.memory = VB2F_MMAP;
	DO(vb2f_alloc(&hs.v, 2, NCAP));
	DO(hs_submit(&hs, &(struct hs_job){ .seed = 1 }));
	for (i = 0; i < 2; i++) {
		no_memory(true, 5);
		ret = vb2f_ioctl(hs.v.fd, VIDIOC_STREAMON, &hs.v.out_type);
		no_memory(false, 0);
		CHECK(ret == -ENOMEM, "STREAMON: %s", strerrorname_np(-ret) ?: "success");
	}
	DO(vb2f_stream(&hs.v, true));
	wait_done(&hs.v, 0, &done);
	CHECK(!done.error, "the job that was queued before fails");
	DO(hs_wait_request(&hs, 0, STUCK_MS));
	one_good_job(&hs.v);
	hs_close(&hs);
}

static int columns;

static void edit_tiles(struct hs *hs, struct hs_ctrls *c)
{
	(void)hs;
	c->hevc_pps.flags |= V4L2_HEVC_PPS_FLAG_TILES_ENABLED |
			     V4L2_HEVC_PPS_FLAG_UNIFORM_SPACING;
	c->hevc_pps.num_tile_columns_minus1 = columns - 1;
}

/*
 * What is kept along the edges of tiles cannot be made larger. It is large before, or else
 * somebody has the memory at once that is written to by mistake.
 */
static void t_tiles(void)
{
	struct hs_job job = { .intra = true, .keep = true, .edit = edit_tiles };
	struct hs_setup setup = {
		.node = node,
		.codec = HS_HEVC,
		.width = 1280,
		.height = 480,
		.nout = 4,
		.ncap = 1,
	};
	struct hs_done done;
	struct hs hs;

	DO(hs_open(&hs, &setup));
	DO(hs_start(&hs));
	for (job.out = 0; job.out < 4; job.out++) {
		bool fails = job.out == 1;

		columns = fails ? 20 : 10;
		job.seed = job.out;
		if (fails)
			no_memory(true, 5);
		DO(hs_submit(&hs, &job));
		no_memory(false, 0);
		wait_done(&hs.v, 0, &done);
		CHECK(done.error == fails, "job %d of 4 %s", job.out,
		      done.error ? "fails" : "does not fail");
	}
	hs_close(&hs);
}

static struct hs_ref old[3];

static void edit_old_refs(struct hs *hs, struct hs_ctrls *c)
{
	struct v4l2_ctrl_hevc_decode_params *d = &c->hevc_decode;
	int i;

	(void)hs;
	d->flags = 0;
	d->num_active_dpb_entries = 3;
	d->num_poc_st_curr_before = 3;
	for (i = 0; i < 3; i++) {
		d->dpb[i].timestamp = old[i].ts;
		d->dpb[i].pic_order_cnt_val = old[i].poc;
		d->poc_st_curr_before[i] = i;
	}
	d->pic_order_cnt_val = 100;
}

/* A frame refers to others whose buffers have been freed. */
static void t_old_references(void)
{
	struct hs_job job = { .seed = 9, .keep = true, .edit = edit_old_refs };
	struct hs_done done;
	struct hs hs;
	int i;

	open_one(&hs);
	for (i = 0; i < 3; i++) {
		submit(&hs.v, 0, i, i);
		ends_well(&hs.v, 0, i);
		old[i] = hs.cur;
	}
	DO(vb2f_ioctl(hs.v.fd, VIDIOC_STREAMOFF, &hs.v.cap_type));
	for (i = 0; i < hs.v.ncap; i++) {
		munmap(hs.mmap[i], hs.v.size[0]);
		hs.mmap[i] = NULL;
		vb2f_drop_buf(&hs.v, &hs.v.cap[i]);
	}
	DO(vb2f_reqbufs(&hs.v, hs.v.cap_type, V4L2_MEMORY_MMAP, 0, NULL));
	DO(vb2f_reqbufs(&hs.v, hs.v.cap_type, V4L2_MEMORY_MMAP, 1, NULL));
	DO(vb2f_ioctl(hs.v.fd, VIDIOC_STREAMON, &hs.v.cap_type));
	DO(hs_submit(&hs, &job));
	wait_done(&hs.v, 0, &done);
	CHECK(!done.error, "a job with lost references fails");
	hs_close(&hs);
}

/* The encoder writes a header with the CPU; a decoder's buffer has no mapping for it. */
static void t_unmapped(void)
{
	struct hs_setup setup = {
		.node = strcmp(node, "h1") ? "vdpu" : "g1",
		.codec = HS_MPEG2,
		.width = 1920,
		.height = 1088,
	};
	struct hs_setup enc = { .node = node, .codec = HS_JPEG, .width = WIDTH, .height = HEIGHT };
	long long starts;
	struct hs hs;
	int fd;

	starts = get("starts");
	DO(hs_alloc_dmabufs(&setup, 1, &fd));
	DO(hs_open(&hs, &enc));
	DO(vb2f_alloc(&hs.v, 1, 0));
	DO(vb2f_reqbufs(&hs.v, hs.v.cap_type, V4L2_MEMORY_DMABUF, 1, NULL));
	hs.v.cap_memory = V4L2_MEMORY_DMABUF;
	hs.v.cap[0].fd[0] = fd;
	DO(hs_stream(&hs, true));
	DO(hs_submit(&hs, &(struct hs_job){ .seed = 1 }));
	ends_badly(&hs.v, 0);
	CHECK(get("starts") == starts, "the hardware was started");
	CHECK(get("clk_enabled") == 0, "the clock stays on");
	hs_close(&hs);
	close(fd);
	open_one(&hs);
	one_good_job(&hs.v);
	hs_close(&hs);
}

static const struct test tests[] = {
	{ "wrong-size", "g2", t_wrong_size, 0, "g2", "request does not complete", 0 },
	{ "too-large", "g2", t_too_large, 0, "g2", "hardware was started", 0 },
	{ "too-large-vp9", "g2", t_too_large_vp9, 0, "g2", "hardware was started", 0 },
	{ "block-size", "g2", t_block_size, 0, "g2", "hardware was started", 0 },
	{ "bottom-field", G1_LIKE, t_bottom_field, 0, "vdpu", "hardware was started", 0 },
	{ "tile-rows", "g2", t_tile_rows, 0, "g2", "are accepted", 0 },
	{ "two-buffers", G1_LIKE " g2", t_two_buffers, 0, "vdpu", "is accepted", 0 },
	{ "formats", ALL, t_formats, 0, "vdpu vepu",
	  "in the coded format|in the picture's format", 0 },
	{ "depth", "g2", t_depth, 0, "g2", "of 8 bits for", 0 },
	{ "no-room", ENCODERS, t_no_room, 0, "vepu", "of one byte", 0 },
	{ "same-format", ENCODERS, t_same_format, 0, "vepu", "another file|a job fails", 0 },
	{ "too-small", G1_LIKE " g2", t_too_small, 0, "vdpu",
	  "hardware was started|Kernel panic", 0 },
	{ "too-deep", "g2", t_too_deep, 0, "g2", "hardware was started", 0 },
	{ "small-reference", G1_LIKE, t_small_reference, 0, "vdpu", "is used|KASAN", 0 },
	{ "race", "vdpu", t_race, 0, "vdpu", "more than there is room for|KASAN|Kernel panic", 0 },
	{ "no-memory", "g1 g1i g2", t_no_memory, 0, "g1 g2", "hardware was started", 0 },
	{ "no-memory-2", "g1 g1i g2", t_no_memory_2, 0, "g1", "hardware was started", 0 },
	{ "no-memory-vp8", "g1 g1i", t_no_memory_vp8, 0, "g1", "hardware was started", 0 },
	{ "lost-reference", "g2", t_lost_reference, 0, "g2", "bad address", 0 },
	{ "start-fails", "g1 g1i", t_start_fails, 0, "g1", "at vb2_start_streaming", 0 },
	{ "tiles", "g2", t_tiles, 0, "g2", "KASAN: use-after-free", 0 },
	{ "old-references", "g2", t_old_references, 0, "g2", "KASAN: use-after-free", 0 },
	{ "unmapped", ENCODERS, t_unmapped, 0, ENCODERS,
	  "clock stays on|Kernel mode fault", ALONE },
	{}
};

int main(int argc, char **argv)
{
	return run_hantro_tests("limits", tests, argc, argv);
}
