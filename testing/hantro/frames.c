// SPDX-License-Identifier: GPL-2.0
/*
 * Decodes a few frames in every format of every node, and asks who reads them
 * right: the process that dequeues the buffer, and another one that has only the
 * dma-bufs, is told of a frame while the hardware writes it, and waits for nothing
 * but the sync_file that it exports then. That process reads the frame twice:
 * through a mapping of its own, and by having the JPEG encoder import it.
 *
 * Prints one line of tab separated values per combination, and judges nothing:
 * without release fences the second process reads what was there before. The
 * exit status says only whether everything ran. Hashes are over all frames, the
 * other columns count frames:
 *
 *  wrong      after DQBUF it is not what the model has written
 *  faults     what the model has against the driver (bad, overlaps...)
 *  in flight  the model was at work after the second process had looked, which found
 *  active     the fence of the sync_file not signalled
 *  busy       poll() of the dma-buf not ready
 *  early      the model was still at work when it had read the frame
 *  equal, unequal            what it read, and what the model has written
 *  jpeg equal, jpeg unequal  the frame encoded then, and once more after DQBUF
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"

#define NCAP		4
#define ENC_TIME_US	500

static const struct {
	enum hs_codec codec;
	__u32 fourcc;
	const char *nodes;
} streams[] = {
	{ HS_H264, V4L2_PIX_FMT_NV12, "vdpu g1 g1i" },
	{ HS_H264, V4L2_PIX_FMT_YUYV, "g1 g1i" },
	{ HS_H264_FIELDS, V4L2_PIX_FMT_NV12, "vdpu g1 g1i" },
	{ HS_MPEG2, V4L2_PIX_FMT_NV12, "vdpu g1 g1i" },
	{ HS_MPEG2, V4L2_PIX_FMT_YUYV, "g1 g1i" },
	{ HS_VP8, V4L2_PIX_FMT_NV12, "vdpu g1 g1i" },
	{ HS_VP8, V4L2_PIX_FMT_YUYV, "g1 g1i" },
	{ HS_HEVC, V4L2_PIX_FMT_NV12_4L4, "g2" },
	{ HS_HEVC, V4L2_PIX_FMT_NV12, "g2" },
	{ HS_HEVC10, V4L2_PIX_FMT_NV15_4L4, "g2" },
	{ HS_HEVC10, V4L2_PIX_FMT_P010, "g2" },
	{ HS_VP9, V4L2_PIX_FMT_NV12_4L4, "g2" },
	{ HS_VP9, V4L2_PIX_FMT_NV12, "g2" },
	{ HS_JPEG, V4L2_PIX_FMT_YUYV, "vepu h1" },
};

/* Heights of 64 rows are YUYV pictures of the same size for the encoder. */
static const struct {
	unsigned int width;
	unsigned int height;
} sizes[] = { { 192, 128 }, { 320, 192 } };

static int frames_per_row = 12;
static int time_us = 20000;
static bool map_decoder;

static int begin_stream(struct hs *hs, int sock)
{
	struct hs_range ranges[2];
	int n = hs_ranges(hs, -1, ranges);
	struct order o = {
		.width = hs->raw.width,
		.bytes = hs->setup.codec == HS_JPEG ? 0 : hs_range_bytes(ranges, n),
	};

	return reader_stream(sock, &hs->v, hs->node->name, &o);
}

static int one_frame(struct hs *hs, int sock, int n, struct row *row)
{
	const char *node = hs->node->name;
	bool fields = hs->setup.codec == HS_H264_FIELDS;
	struct hs_job job = {
		.out = n % 2,
		.cap = n % NCAP,
		.seed = n + 1,
		.hold = fields,
	};
	struct order o = { .cap = job.cap };
	void **map = hs->v.cap[job.cap].map;
	long long starts = hs_knob_int(node, "starts");
	__u64 model[2] = {}, mine, other;
	struct hs_done done;
	struct report r;
	bool same = true;
	int i, ret;

	hs_wipe(&hs->v, job.cap);
	ret = hs_submit(hs, &job);
	if (!ret && fields) {
		ret = hs_dq(&hs->v, false, NULL, VB2F_TIMEOUT_MS);
		if (ret >= 0)
			ret = hs_knob_hash(node, &model[0]);
		job.hold = false;
		job.second = true;
		job.seed = ~job.seed;
		if (!ret)
			ret = hs_submit(hs, &job);
	}
	/* Before the hardware is at work, there is nothing to see. */
	if (!ret)
		ret = hs_wait_count(node, "starts", starts + 1 + fields,
				    VB2F_TIMEOUT_MS);
	if (!ret)
		ret = reader_frame(sock, job.cap);
	if (!ret)
		ret = hs_finish(hs, &done, VB2F_TIMEOUT_MS);
	if (!ret)
		ret = hs_knob_hash(node, &model[fields]);
	if (ret)
		return ret;
	if (done.error || done.index != job.cap)
		return -EIO;

	o.parts = fields + 1;
	for (i = 0; i < o.parts; i++)
		o.count = hs_ranges(hs, fields ? i : -1, o.ranges[i]);
	if (hs->setup.codec == HS_JPEG)
		o.ranges[0][0].width = done.bytesused - o.ranges[0][0].offset;
	ret = reader_done(sock, &o, &r);
	if (ret)
		return ret;

	for (i = 0; i < o.parts; i++) {
		mine = hs_hash(map, o.ranges[i], o.count);
		other = hs->mmap[job.cap] ?
			hs_hash(&hs->mmap[job.cap], o.ranges[i], o.count) : mine;
		row->wrong += (mine != model[i]) + (other != model[i]);
		same = same && r.hash[i] == model[i];
		row->mmap = mix(row->mmap, other);
		row->model = mix(row->model, model[i]);
		row->consumer = mix(row->consumer, r.hash[i]);
	}
	count_frame(row, &r, same);
	return 0;
}

/* vim2m maps its buffers into the kernel; a decoder's cannot be. */
static int vim2m_takes(int dmabuf, size_t size)
{
	struct v4l2_format f = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT };
	struct v4l2_requestbuffers rb = {
		.count = 1,
		.type = f.type,
		.memory = V4L2_MEMORY_DMABUF,
	};
	struct v4l2_buffer b = {
		.type = f.type,
		.memory = V4L2_MEMORY_DMABUF,
		.field = V4L2_FIELD_NONE,
		.m.fd = dmabuf,
		.length = size,
	};
	const struct hs_node vim2m = { .name = "vim2m", .video = "vim2m" };
	int fd, ret;

	fd = hs_open_video(&vim2m);
	if (fd < 0)
		return fd;
	f.fmt.pix.width = 64;
	f.fmt.pix.height = 64;
	f.fmt.pix.pixelformat = V4L2_PIX_FMT_RGB565;
	ret = vb2f_ioctl(fd, VIDIOC_S_FMT, &f);
	b.bytesused = f.fmt.pix.sizeimage;
	if (!ret)
		ret = vb2f_ioctl(fd, VIDIOC_REQBUFS, &rb);
	if (!ret)
		ret = vb2f_ioctl(fd, VIDIOC_QBUF, &b);
	close(fd);
	return ret;
}

static void print_row(const struct hs *hs, const struct row *row)
{
	bool fences = hs->v.cap_caps & V4L2_BUF_CAP_SUPPORTS_RELEASE_FENCES;
	bool jpeg = row->jpeg_equal + row->jpeg_unequal;

	printf("%s\t%s\t%.4s\t%ux%u\t%s\t%s\t", hs->node->name,
	       hs_codec_names[hs->setup.codec],
	       (const char *)&hs->raw.pixelformat, hs->setup.width,
	       hs->setup.height, hs->setup.import ? "DMABUF" : "MMAP",
	       fences ? "yes" : "no");
	printf("%d\t%016llx\t%016llx\t%016llx\t%d\t%lld\t%d\t%d\t%d\t%d\t%d\t%d",
	       row->frames, row->mmap, row->model, row->consumer,
	       row->wrong, row->faults, row->flight,
	       row->active, row->busy, row->early, row->equal, row->unequal);
	if (jpeg)
		printf("\t%016llx\t%016llx\t%d\t%d\n", row->jpeg,
		       row->jpeg_done, row->jpeg_equal, row->jpeg_unequal);
	else
		printf("\t-\t-\t0\t0\n");
	fflush(stdout);
}

static int one_row(const struct hs_setup *setup, int sock)
{
	struct row row = NEW_ROW;
	struct hs hs;
	int ret, n;

	ret = hs_open(&hs, setup) ?: hs_start(&hs);
	if (ret)
		return ret;
	row.faults = -count_faults(setup->node);
	ret = begin_stream(&hs, sock);
	for (n = 0; n < frames_per_row && !ret; n++)
		ret = one_frame(&hs, sock, n, &row);
	row.faults += count_faults(setup->node);
	if (!ret)
		print_row(&hs, &row);
	hs_close(&hs);
	return ret;
}

/*
 * What other memory there is for CAPTURE buffers, and who takes it. Scattered
 * memory may happen to be contiguous.
 */
static void print_foreign(const struct hs_setup *setup)
{
	static const char *const names[] = {
		[VB2F_HEAP] = "system heap",
		[VB2F_UDMABUF] = "udmabuf",
	};
	enum vb2f_memory memory;
	int ret, fd, vim2m = 0;
	struct hs hs;

	for (memory = VB2F_HEAP; memory <= VB2F_UDMABUF; memory++) {
		ret = hs_open(&hs, setup);
		if (ret)
			return;
		hs.v.cap_memory = V4L2_MEMORY_DMABUF;
		ret = vb2f_reqbufs(&hs.v, hs.v.cap_type, V4L2_MEMORY_DMABUF, 1,
				   NULL);
		if (ret > 0)
			ret = vb2f_alloc_dmabuf(memory, hs.v.size[0]);
		if (ret >= 0) {
			hs.v.cap[0].fd[0] = ret;
			ret = hs_queue_cap(&hs, 0);
			vim2m = vim2m_takes(hs.v.cap[0].fd[0], hs.v.size[0]);
			close(hs.v.cap[0].fd[0]);
			hs.v.cap[0].fd[0] = -1;
		}
		printf("# %s imports %s: %s; vim2m does: %s\n", setup->node,
		       names[memory], name_of(ret), name_of(vim2m));
		hs_close(&hs);
	}
	if (!map_decoder || hs_alloc_dmabufs(setup, 1, &fd))
		return;
	ret = vim2m_takes(fd, hs.v.size[0]);
	printf("# vim2m imports what %s exports: %s\n", setup->node, name_of(ret));
	close(fd);
}

int main(int argc, char **argv)
{
	int opt, ran = 0, failed = 0, sock, ret;
	const struct hs_node *node;
	struct hs_setup setup;
	unsigned int i, s, m;
	pid_t pid;

	while ((opt = getopt(argc, argv, "n:t:v")) != -1) {
		if (opt == 'n')
			frames_per_row = atoi(optarg);
		else if (opt == 't')
			time_us = atoi(optarg);
		else if (opt == 'v')
			map_decoder = true;
		else
			return 2;
	}
	if (frames_per_row < 1 || time_us < 1) {
		fprintf(stderr, "usage: frames [-n FRAMES] [-t TIME_US] [-v] [NODE...]\n"
			"-v: import into vim2m, too; the kernel warns of that\n");
		return 2;
	}
	sock = start_reader(&pid);
	if (sock < 0)
		return 1;
	vb2f_modprobe(false, "vim2m");

	printf("node\tcodec\tformat\tsize\tmemory\tfences\t"
	       "frames\tmmap\tmodel\tconsumer\twrong\tfaults\t"
	       "in flight\tactive\tbusy\tearly\tequal\tunequal\t"
	       "jpeg\tjpeg after DQBUF\tjpeg equal\tjpeg unequal\n");
	for (node = hs_nodes; node->name; node++) {
		for (i = optind; (int)i < argc && strcmp(argv[i], node->name);)
			i++;
		if (optind < argc && (int)i == argc)
			continue;
		hs_knobs_reset(node->name);
		hs_knob_set_int(node->name, "time_us", time_us);
		hs_knob_set_int("vepu", "time_us", strcmp(node->name, "vepu") ?
				ENC_TIME_US : time_us);
		for (i = 0; i < sizeof(streams) / sizeof(*streams); i++) {
			if (!strstr(streams[i].nodes, node->name))
				continue;
			for (s = 0; s < 2 * sizeof(sizes) / sizeof(*sizes); s++) {
				m = s % 2;
				setup = (struct hs_setup) {
					.node = node->name,
					.codec = streams[i].codec,
					.import = m,
					.fourcc = streams[i].fourcc,
					.width = sizes[s / 2].width,
					.height = sizes[s / 2].height,
					.nout = 2,
					.ncap = NCAP,
				};
				ret = one_row(&setup, sock);
				ran += !ret;
				failed += !!ret;
				if (ret)
					printf("# %s, %s, %.4s, %ux%u, %s: %s\n",
					       node->name,
					       hs_codec_names[setup.codec],
					       (char *)&setup.fourcc,
					       setup.width, setup.height,
					       m ? "DMABUF" : "MMAP",
					       name_of(ret));
			}
		}
		setup.import = false;
		print_foreign(&setup);
		hs_knobs_reset(node->name);
	}
	hs_knobs_reset("vepu");
	close(sock);
	vb2f_wait_child(pid);
	printf("# %d rows, %d failed\n", ran, failed);
	return !ran || failed;
}
