// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a few pictures in every way that a node has, and asks who sees the right ones: the
 * process that dequeues the buffer, and another one that has only the dma-bufs, is told of a
 * picture while the hardware writes it, and waits for nothing but the sync_file that it exports
 * then.
 *
 * Prints one line of tab separated values per combination. Hashes are over all frames, the
 * other columns count frames:
 *
 *  wrong      after DQBUF the buffer is not what the reference makes of it, byte by byte, or not
 *             what the model has written
 *  faults     what the model has against the driver (bad, overlaps...)
 *  in flight  the model was at work after the second process had looked, which found
 *  active     the fence of the sync_file not signalled
 *  busy       poll() of the dma-buf not ready
 *  early      the model was still at work when it had read the picture
 *  equal, unequal  what it read, and what the model has written
 *
 * The exit status is 0 if all rows ran, without wrong ones and faults. What the second process
 * saw is not judged: without release fences it reads what was there before. -o runs only the
 * operations that contain this text in their names.
 *
 * -c has the pictures come from a decoder instead: RGA imports its dma-buf as soon as its fence
 * has signalled, which is before the decoder's buffer can be dequeued. If there is no fence, that
 * is too early, and wrong.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"
#include "submit.h"

#define NCAP		2
#define RGA2		"rga2"
#define RGA3		"rga3"
#define BOTH		"rga2 rga3"

static const char *const memories[] = {
	[RS_MMAP] = "MMAP",
	[RS_OTHER] = "DMABUF",
	[RS_HEAP] = "heap",
};

static int frames_per_row = 2;
static int time_us = 20000;
static const char *only;
static const char *decoder;
static bool all;
static int ran, wrong, failed;

/* Decode, and queue the picture to RGA when the fence says that it is there. */
static int submit_decoded(struct rs *rs, struct hs *hs, int cap, int n)
{
	long long starts = hs_knob_int(decoder, "starts");
	const int *fd = hs->v.cap[cap].fd;
	int ret, sync;

	hs_wipe(&hs->v, cap);
	ret = hs_submit_frame(hs, 0, cap, n + 1);
	if (!ret)
		ret = hs_wait_count(decoder, "starts", starts + 1, VB2F_TIMEOUT_MS);
	if (ret)
		return ret;
	sync = vb2f_export(*fd, DMA_BUF_SYNC_READ);
	if (sync < 0)
		return sync;
	ret = vb2f_poll(sync, POLLIN, VB2F_TIMEOUT_MS);
	close(sync);
	if (ret <= 0)
		return ret ?: -ETIMEDOUT;
	return rs_submit_dmabuf(rs, 0, cap, fd);
}

static int one_frame(struct rs *rs, struct hs *hs, int sock, int n, struct row *row)
{
	const char *node = rs->setup.node;
	struct order o = { .cap = n % NCAP, .parts = 1 };
	void **in = hs ? hs->v.cap[o.cap].map : rs->out[0];
	long long starts = hs_knob_int(node, "starts");
	void **mine = rs->v.cap[o.cap].map, **other = rs->mmap[o.cap];
	struct rs_done done;
	struct report r;
	__u64 model = 0;
	int ret;

	ret = hs ? submit_decoded(rs, hs, o.cap, n) : rs_submit(rs, 0, o.cap, n + 1);
	/* Before the hardware is at work, there is nothing to see. */
	if (!ret)
		ret = hs_wait_count(node, "starts", starts + 1, VB2F_TIMEOUT_MS);
	if (!ret)
		ret = reader_frame(sock, o.cap);
	if (!ret)
		ret = rs_finish(rs, &done, VB2F_TIMEOUT_MS);
	if (!ret && hs)
		ret = hs_finish(hs, NULL, VB2F_TIMEOUT_MS);
	if (!ret)
		ret = hs_knob_hash(node, &model);
	if (!ret && (done.error || done.index != o.cap))
		ret = -EIO;
	if (!ret)
		ret = rs_expect(rs, in);
	if (ret)
		return ret;

	o.count = ref_ranges(&rs->op.out, &rs->op.compose, o.ranges[0]);
	ret = reader_done(sock, &o, &r);
	if (ret)
		return ret;

	if (rs_differ(rs, mine) || rs_hash(rs, mine) != model ||
	    (other[0] && rs_differ(rs, other)))
		row->wrong++;
	row->mmap = mix(row->mmap, rs_hash(rs, other[0] ? other : mine));
	row->model = mix(row->model, model);
	row->reference = mix(row->reference, rs_hash(rs, rs->expected));
	row->consumer = mix(row->consumer, r.hash[0]);
	count_frame(row, &r, r.hash[0] == model);
	return 0;
}

static long long all_faults(const char *node)
{
	return count_faults(node) + (decoder ? count_faults(decoder) : 0);
}

static void print_row(const struct rs *rs, const char *what, const struct row *row)
{
	bool fences = rs->v.cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES;
	const struct rs_setup *s = &rs->setup;

	printf("%s\t%s\t%.4s>%.4s\t%ux%u>%ux%u\t%s\t%s\t", s->node, what, (const char *)&s->in,
	       (const char *)&s->out, s->in_width, s->in_height, s->out_width, s->out_height,
	       memories[s->memory], fences ? "yes" : "no");
	printf("%d\t%016llx\t%016llx\t%016llx\t%016llx\t%d\t%lld\t%d\t%d\t%d\t%d\t%d\t%d\n",
	       row->frames, row->mmap, row->model, row->reference, row->consumer, row->wrong,
	       row->faults, row->flight, row->active, row->busy, row->early, row->equal,
	       row->unequal);
	fflush(stdout);
}

/* fixed: the stock driver, which has no fences, does it wrong */
static void one_row(int sock, const char *what, struct rs_setup setup, bool fixed)
{
	struct row row = NEW_ROW;
	const struct hs_setup source = {
		.node = decoder,
		.codec = decoder && !strcmp(decoder, "g2") ? HS_HEVC : HS_H264,
		.fourcc = V4L2_PIX_FMT_NV12,
		.width = setup.in_width,
		.height = setup.in_height,
		.nout = 1,
		.ncap = NCAP,
	};
	struct hs hs, *from = decoder ? &hs : NULL;
	int ret, n;
	struct rs rs;

	if (only && !strstr(what, only))
		return;
	setup.nout = 1;
	setup.ncap = NCAP;
	setup.import_out = decoder;
	ret = decoder ? hs_open(&hs, &source) ?: hs_start(&hs) : 0;
	if (ret)
		from = NULL;
	else
		ret = rs_open(&rs, &setup) ?: rs_start(&rs);
	if (!ret && fixed && !all && !(rs.v.cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES)) {
		printf("# %s, %s: not without -a, the stock driver does it wrong\n", setup.node,
		       what);
		rs_close(&rs);
		return;
	}
	if (!ret) {
		row.faults = -all_faults(setup.node);
		ret = reader_stream(sock, &rs.v, setup.node, &(struct order){});
		for (n = 0; n < frames_per_row && !ret; n++)
			ret = one_frame(&rs, from, sock, n, &row);
		row.faults += all_faults(setup.node);
		if (!ret)
			print_row(&rs, what, &row);
		rs_close(&rs);
	}
	if (from)
		hs_close(from);
	ran += !ret;
	failed += !!ret;
	wrong += row.wrong || row.faults;
	if (ret)
		printf("# %s, %s, %.4s to %.4s, %s: %s\n", setup.node, what,
		       (const char *)&setup.in, (const char *)&setup.out,
		       memories[setup.memory], name_of(ret));
}

/*
 * What there is to do
 */

#define MAX_FORMATS	32

static int list_formats(const char *node, bool capture, __u32 *formats)
{
	struct v4l2_fmtdesc f;
	int i, fd;

	fd = rs_open_video(node);
	if (fd < 0)
		return fd;
	for (i = 0; i < MAX_FORMATS; i++) {
		f = (struct v4l2_fmtdesc){
			.index = i,
			.type = capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE :
					  V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE,
		};
		if (vb2f_ioctl(fd, VIDIOC_ENUM_FMT, &f))
			break;
		formats[i] = f.pixelformat;
	}
	close(fd);
	return i;
}

static bool has_format(const __u32 *formats, int count, __u32 fourcc)
{
	while (count--)
		if (formats[count] == fourcc)
			return true;
	return false;
}

/* Lines with and without a gap behind them */
static void formats_of(int sock, const char *node)
{
	static const __u32 with[] = { V4L2_PIX_FMT_ABGR32, V4L2_PIX_FMT_NV12 };
	__u32 in[MAX_FORMATS], out[MAX_FORMATS];
	struct rs_setup setup = {
		.node = node,
		.in_width = 138,
		.in_height = 130,
		.out_width = 138,
		.out_height = 130,
	};
	int i, nin, nout, w;

	nin = list_formats(node, false, in);
	nout = list_formats(node, true, out);
	for (i = 0; i < nin; i++) {
		setup.in = in[i];
		setup.out = in[i];
		if (has_format(out, nout, in[i]))
			one_row(sock, "copy", setup, false);
		for (w = 0; w < 2; w++) {
			setup.out = with[w];
			if (in[i] != with[w])
				one_row(sock, "convert", setup, false);
		}
	}
	for (i = 0; i < nout; i++) {
		for (w = 0; w < 2; w++) {
			setup.in = with[w];
			setup.out = out[i];
			if (out[i] != with[w] && !has_format(with, 2, out[i]))
				one_row(sock, "convert", setup, false);
		}
	}
}

static void colours_of(int sock, const char *node)
{
	static const struct {
		const char *name;
		__u32 colorspace, encoding, quantization;
	} colours[] = {
		{ "BT.601", V4L2_COLORSPACE_SMPTE170M, V4L2_YCBCR_ENC_601,
		  V4L2_QUANTIZATION_LIM_RANGE },
		{ "BT.601 full", V4L2_COLORSPACE_SMPTE170M, V4L2_YCBCR_ENC_601,
		  V4L2_QUANTIZATION_FULL_RANGE },
		{ "BT.709", V4L2_COLORSPACE_REC709, V4L2_YCBCR_ENC_709,
		  V4L2_QUANTIZATION_LIM_RANGE },
		{ "BT.2020", V4L2_COLORSPACE_BT2020, V4L2_YCBCR_ENC_BT2020,
		  V4L2_QUANTIZATION_LIM_RANGE },
	};
	struct rs_setup setup = {
		.node = node,
		.in_width = 160,
		.in_height = 128,
		.out_width = 160,
		.out_height = 128,
	};
	unsigned int i;

	for (i = 0; i < sizeof(colours) / sizeof(*colours); i++) {
		setup.colorspace = colours[i].colorspace;
		setup.encoding = colours[i].encoding;
		setup.quantization = colours[i].quantization;
		setup.in = V4L2_PIX_FMT_NV12;
		setup.out = V4L2_PIX_FMT_RGB24;
		one_row(sock, colours[i].name, setup, false);
		setup.in = V4L2_PIX_FMT_RGB24;
		setup.out = V4L2_PIX_FMT_NV16;
		one_row(sock, colours[i].name, setup, false);
	}
}

static void geometry_of(int sock, const char *node)
{
	static const struct {
		const char *name;
		const char *nodes;
		unsigned int in_width, in_height, out_width, out_height;
		struct v4l2_rect crop, compose;
		int rotate;
		bool hflip, vflip;
		const char *broken;	/* where the driver is known to do something else */
		bool fixed;		/* the stock driver does */
	} ops[] = {
		{ .name = "scale up", BOTH, 160, 128, 310, 282 },
		{ .name = "scale up by 2", BOTH, 128, 128, 255, 255 },
		{ .name = "scale down", BOTH, 310, 282, 160, 128 },
		{ .name = "scale down by 2", BOTH, 320, 256, 160, 128 },
		{ .name = "scale up, down", BOTH, 160, 320, 240, 128 },
		{ .name = "crop, corner", BOTH, 160, 144, 150, 128, { 0, 0, 150, 128 } },
		{ .name = "crop, scale", BOTH, 320, 288, 190, 172, { 0, 0, 300, 270 } },
		{ .name = "crop", BOTH, 200, 180, 140, 130, { 20, 32, 140, 130 },
		  .broken = RGA3 },
		{ .name = "compose", BOTH, 140, 130, 200, 180, { 0 },
		  { 20, 32, 140, 130 }, .broken = RGA3 },
		{ .name = "crop, compose, scale", BOTH, 200, 180, 320, 256, { 20, 32, 150, 140 },
		  { 40, 18, 260, 222 }, .broken = RGA3 },
		{ .name = "hflip", RGA2, 160, 128, 160, 128, .hflip = true, .fixed = true },
		{ .name = "vflip", RGA2, 160, 128, 160, 128, .vflip = true, .fixed = true },
		{ .name = "hflip, vflip", RGA2, 160, 128, 160, 128, .hflip = true, .vflip = true },
		{ .name = "rotate 90", RGA2, 160, 128, 128, 160, .rotate = 90 },
		{ .name = "rotate 180", RGA2, 160, 128, 160, 128, .rotate = 180 },
		{ .name = "rotate 270", RGA2, 160, 128, 128, 160, .rotate = 270 },
		{ .name = "rotate 90, scale", RGA2, 160, 128, 250, 98, .rotate = 90 },
		{ .name = "rotate 270, compose", RGA2, 160, 128, 200, 200, { 0 },
		  { 30, 22, 128, 160 }, .rotate = 270 },
		{ .name = "rotate 90, hflip", RGA2, 160, 128, 128, 160, .rotate = 90, .hflip = true,
		  .fixed = true },
		{ .name = "wide", RGA2, 4160, 34, 4160, 34, .broken = RGA2 },
	};
	static const struct {
		__u32 in, out;
		const char *nodes;
		unsigned int even;	/* 1: sizes have to be */
		bool dmabuf;
	} formats[] = {
		{ V4L2_PIX_FMT_ABGR32, V4L2_PIX_FMT_ABGR32, BOTH, 0, true },
		{ V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_NV12, BOTH, 1, true },
		{ V4L2_PIX_FMT_NV12M, V4L2_PIX_FMT_NV12M, BOTH, 1, true },
		{ V4L2_PIX_FMT_NV16, V4L2_PIX_FMT_RGB565, BOTH, 0, false },
		{ V4L2_PIX_FMT_RGB24, V4L2_PIX_FMT_NV16, BOTH, 1, false },
		{ V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUYV, RGA3, 1, false },
		{ V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YUV422P, RGA2, 1, false },
		{ V4L2_PIX_FMT_YUV422P, V4L2_PIX_FMT_YVU420, RGA2, 1, false },
	};
	enum rs_memory memory, last = strcmp(node, "rga2") ? RS_OTHER : RS_HEAP;
	unsigned int o, f;

	for (o = 0; o < sizeof(ops) / sizeof(*ops); o++) {
		if (!strstr(ops[o].nodes, node))
			continue;
		if (!all && ops[o].broken && strstr(ops[o].broken, node)) {
			printf("# %s, %s: not without -a, the driver does it wrong\n", node,
			       ops[o].name);
			continue;
		}
		for (f = 0; f < sizeof(formats) / sizeof(*formats); f++) {
			if (!strstr(formats[f].nodes, node))
				continue;
			for (memory = RS_MMAP; memory <= last; memory++) {
				struct rs_setup setup = {
					.node = node,
					.in = formats[f].in,
					.out = formats[f].out,
					.in_width = ops[o].in_width,
					.in_height = ops[o].in_height,
					.out_width = ops[o].out_width & ~formats[f].even,
					.out_height = ops[o].out_height & ~formats[f].even,
					.crop = ops[o].crop,
					.compose = ops[o].compose,
					.rotate = ops[o].rotate,
					.hflip = ops[o].hflip,
					.vflip = ops[o].vflip,
					.memory = memory,
				};

				one_row(sock, ops[o].name, setup, ops[o].fixed);
				if (!formats[f].dmabuf)
					break;
			}
		}
	}
}

static void chains_of(int sock, const char *node)
{
	struct rs_setup setup = {
		.node = node,
		.in = V4L2_PIX_FMT_NV12,
		.in_width = 320,
		.in_height = 192,
		.out = V4L2_PIX_FMT_NV12,
		.out_width = 320,
		.out_height = 192,
	};

	one_row(sock, "decode, copy", setup, false);
	setup.out = V4L2_PIX_FMT_ABGR32;
	one_row(sock, "decode, convert", setup, false);
	setup.out_width = 240;
	setup.out_height = 160;
	one_row(sock, "decode, scale", setup, false);
	if (strcmp(node, RGA2))
		return;
	setup.out_width = 192;
	setup.out_height = 320;
	setup.rotate = 90;
	one_row(sock, "decode, rotate", setup, false);
}

int main(int argc, char **argv)
{
	static const char *const nodes[] = { RGA2, RGA3 };
	int opt, i, sock;
	unsigned int n;
	pid_t pid;

	while ((opt = getopt(argc, argv, "ac:n:t:o:")) != -1) {
		if (opt == 'n')
			frames_per_row = atoi(optarg);
		else if (opt == 't')
			time_us = atoi(optarg);
		else if (opt == 'o')
			only = optarg;
		else if (opt == 'c')
			decoder = optarg;
		else if (opt == 'a')
			all = true;
		else
			return 2;
	}
	if (frames_per_row < 1 || time_us < 1) {
		fprintf(stderr, "usage: frames [-a] [-c DECODER] [-n FRAMES] [-t TIME_US] "
			"[-o OPERATION] [NODE...]\n"
			"-a: also what the driver is known to do wrong\n");
		return 2;
	}
	sock = start_reader(&pid);
	if (sock < 0)
		return 1;

	if (decoder) {
		hs_knobs_reset(decoder);
		/* Who does not wait for it reads it too early. */
		hs_knob_set_int(decoder, "time_us", 4 * time_us);
	}
	printf("node\toperation\tformats\tsize\tmemory\tfences\tframes\t"
	       "mmap\tmodel\treference\tconsumer\twrong\tfaults\t"
	       "in flight\tactive\tbusy\tearly\tequal\tunequal\n");
	for (n = 0; n < sizeof(nodes) / sizeof(*nodes); n++) {
		for (i = optind; i < argc && strcmp(argv[i], nodes[n]);)
			i++;
		if (optind < argc && i == argc)
			continue;
		hs_knobs_reset(nodes[n]);
		hs_knob_set_int(nodes[n], "time_us", time_us);
		if (decoder) {
			chains_of(sock, nodes[n]);
		} else {
			formats_of(sock, nodes[n]);
			colours_of(sock, nodes[n]);
			geometry_of(sock, nodes[n]);
		}
		hs_knobs_reset(nodes[n]);
	}
	if (decoder)
		hs_knobs_reset(decoder);
	close(sock);
	vb2f_wait_child(pid);
	printf("# %d rows, %d wrong, %d failed\n", ran, wrong, failed);
	return !ran || wrong || failed;
}
