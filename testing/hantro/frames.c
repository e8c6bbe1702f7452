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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "submit.h"

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

/* To the consumer: a new stream; a frame in flight; how the frame has to be read */
struct order {
	enum { STREAM, FRAME, DONE } what;
	char node[8];
	int cap;
	size_t size;		/* of a buffer */
	unsigned int width;	/* of a frame */
	size_t bytes;		/* of a frame; 0: nothing to encode */
	int parts;		/* 2: fields */
	int count;		/* ranges of a part */
	struct hs_range ranges[2][2];
};

struct report {
	int error;
	bool busy;		/* poll() of the dma-buf was not ready */
	bool active;		/* the fence was not signalled */
	bool flight;		/* nor had the hardware finished, when asked after that */
	bool early;		/* and it had not when the frame had been read */
	bool encoded;
	__u64 hash[2];
	__u64 jpeg;		/* encoded after the fence */
	__u64 jpeg_done;	/* and again when the decoder had returned the buffer */
};

struct row {
	int frames;
	int mmap_wrong;		/* not what the model has written */
	int dmabuf_wrong;		/* nor is the dma-buf after DQBUF */
	long long faults;	/* of the driver, as the model sees it */
	int equal;
	int unequal;
	int busy;
	int active;
	int flight;
	int early;
	int jpeg_equal;
	int jpeg_unequal;
	__u64 mmap;
	__u64 consumer;
	__u64 model;
	__u64 jpeg;
	__u64 jpeg_done;
};

static int frames_per_row = 12;
static int time_us = 20000;
static bool map_decoder;

/*
 * The consumer
 */

struct consumer {
	struct order stream;
	int fd[NCAP];
	void *map[NCAP];
	void *copy;
	struct hs enc;
	bool encodes;
};

static void end_stream(struct consumer *c)
{
	int i;

	if (c->encodes)
		hs_close(&c->enc);
	for (i = 0; i < NCAP; i++) {
		if (c->map[i])
			munmap(c->map[i], c->stream.size);
		if (c->fd[i] >= 0)
			close(c->fd[i]);
		c->map[i] = NULL;
		c->fd[i] = -1;
	}
	free(c->copy);
	c->copy = NULL;
	c->encodes = false;
}

static int new_stream(struct consumer *c)
{
	struct hs_setup setup = {
		.node = "vepu",
		.codec = HS_JPEG,
		.import_out = true,
		.width = c->stream.width,
		.nout = NCAP,
		.ncap = 1,
	};
	int i;

	c->copy = malloc(c->stream.size);
	if (!c->copy)
		return -ENOMEM;
	for (i = 0; i < NCAP; i++) {
		c->map[i] = mmap(NULL, c->stream.size, PROT_READ, MAP_SHARED,
				 c->fd[i], 0);
		if (c->map[i] == MAP_FAILED) {
			c->map[i] = NULL;
			return -errno;
		}
	}
	if (c->stream.bytes) {
		setup.height = c->stream.bytes / 2 / setup.width / 16 * 16;
		c->encodes = !hs_open(&c->enc, &setup) && !hs_start(&c->enc);
	}
	return 0;
}

/* The encoder reads the frame where the decoder has written it. */
static int encode(struct consumer *c, int cap, __u64 *hash)
{
	struct hs_range range[2];
	struct hs_done done;
	int ret;

	hs_wipe(&c->enc, 0);
	ret = hs_submit_dmabuf(&c->enc, cap, 0, c->fd[cap], c->stream.size);
	if (!ret)
		ret = hs_finish(&c->enc, &done, VB2F_TIMEOUT_MS);
	if (ret)
		return ret;
	if (done.error)
		return -EIO;
	hs_ranges(&c->enc, -1, range);
	range->width = done.bytesused - range->offset;
	*hash = hs_hash(c->enc.v.cap[0].map[0], range, 1);
	return 0;
}

static int look(struct consumer *c, int cap, struct report *r)
{
	int sync, ret;

	memset(r, 0, sizeof(*r));
	r->busy = !vb2f_poll(c->fd[cap], POLLIN, 0);
	sync = vb2f_export(c->fd[cap], DMA_BUF_SYNC_READ);
	if (sync < 0)
		return sync;
	r->active = !vb2f_status(sync);
	r->flight = hs_knob_int(c->stream.node, "active") == 1;
	ret = vb2f_poll(sync, POLLIN, VB2F_TIMEOUT_MS);
	close(sync);
	if (ret <= 0)
		return ret ?: -ETIMEDOUT;

	hs_cpu_access(c->fd[cap], true, false);
	memcpy(c->copy, c->map[cap], c->stream.size);
	hs_cpu_access(c->fd[cap], false, false);
	r->early = hs_knob_int(c->stream.node, "active") == 1;
	if (!c->encodes)
		return 0;
	r->encoded = true;
	return encode(c, cap, &r->jpeg);
}

static void consume(int sock)
{
	struct consumer c = {};
	struct report r = {};
	int fd[NCAP], i;
	struct order o;

	memset(c.fd, -1, sizeof(c.fd));
	for (;;) {
		if (vb2f_recv(sock, &o, sizeof(o), fd, NCAP))
			exit(1);
		switch (o.what) {
		case STREAM:
			end_stream(&c);
			c.stream = o;
			memcpy(c.fd, fd, sizeof(fd));
			r.error = new_stream(&c);
			break;
		case FRAME:
			r.error = look(&c, o.cap, &r);
			continue;
		case DONE:
			for (i = 0; i < o.parts; i++)
				r.hash[i] = hs_hash(c.copy, o.ranges[i], o.count);
			if (r.encoded && !r.error)
				r.error = encode(&c, o.cap, &r.jpeg_done);
			break;
		}
		if (vb2f_send(sock, &r, sizeof(r), NULL, 0))
			exit(1);
	}
}

/*
 * The producer
 */

static int ask(int sock, const struct order *o, const int *fds, int nfds,
	       struct report *r)
{
	int none, ret;

	ret = vb2f_send(sock, o, sizeof(*o), fds, nfds);
	if (ret || o->what == FRAME)
		return ret;
	return vb2f_recv(sock, r, sizeof(*r), &none, 0) ?: r->error;
}

static int begin_stream(struct hs *hs, int sock)
{
	bool jpeg = hs->setup.codec == HS_JPEG;
	struct hs_range ranges[2];
	struct order o = { .what = STREAM };
	int i, n, fds[NCAP];
	struct report r;

	n = hs_ranges(hs, -1, ranges);
	snprintf(o.node, sizeof(o.node), "%s", hs->node->name);
	o.size = hs->v.size[0];
	o.width = hs->raw.width;
	o.bytes = jpeg ? 0 : hs_range_bytes(ranges, n);
	for (i = 0; i < NCAP; i++)
		fds[i] = hs->v.cap[i].fd[0];
	return ask(sock, &o, fds, NCAP, &r);
}

static __u64 mix(__u64 sum, __u64 hash)
{
	return hs_fnv(sum, &hash, sizeof(hash));
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
	struct order o = { .what = FRAME, .cap = job.cap };
	long long starts = hs_knob_int(node, "starts");
	__u64 model[2] = {}, mine, other;
	struct hs_done done;
	struct report r;
	bool same = true;
	int i, ret;

	hs_wipe(hs, job.cap);
	ret = hs_submit(hs, &job);
	if (!ret && fields) {
		ret = hs_dq(hs, false, NULL, VB2F_TIMEOUT_MS);
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
		ret = ask(sock, &o, NULL, 0, NULL);
	if (!ret)
		ret = hs_finish(hs, &done, VB2F_TIMEOUT_MS);
	if (!ret)
		ret = hs_knob_hash(node, &model[fields]);
	if (ret)
		return ret;
	if (done.error || done.index != job.cap)
		return -EIO;

	o.what = DONE;
	o.parts = fields + 1;
	for (i = 0; i < o.parts; i++)
		o.count = hs_ranges(hs, fields ? i : -1, o.ranges[i]);
	if (hs->setup.codec == HS_JPEG)
		o.ranges[0][0].width = done.bytesused - o.ranges[0][0].offset;
	ret = ask(sock, &o, NULL, 0, &r);
	if (ret)
		return ret;

	for (i = 0; i < o.parts; i++) {
		mine = hs_hash(hs->v.cap[job.cap].map[0], o.ranges[i], o.count);
		row->dmabuf_wrong += mine != model[i];
		other = hs->mmap[job.cap] ?
			hs_hash(hs->mmap[job.cap], o.ranges[i], o.count) : mine;
		row->mmap_wrong += other != model[i];
		same = same && r.hash[i] == model[i];
		row->mmap = mix(row->mmap, other);
		row->model = mix(row->model, model[i]);
		row->consumer = mix(row->consumer, r.hash[i]);
	}
	row->equal += same;
	row->unequal += !same;
	row->busy += r.busy;
	row->active += r.active;
	row->flight += r.flight;
	row->early += r.early;
	if (r.encoded) {
		row->jpeg_equal += r.jpeg == r.jpeg_done;
		row->jpeg_unequal += r.jpeg != r.jpeg_done;
		row->jpeg = mix(row->jpeg, r.jpeg);
		row->jpeg_done = mix(row->jpeg_done, r.jpeg_done);
	}
	row->frames++;
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

static const char *name_of(int err)
{
	return err ? strerrorname_np(-err) ?: "?" : "ok";
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
	       row->mmap_wrong + row->dmabuf_wrong, row->faults, row->flight,
	       row->active, row->busy, row->early, row->equal, row->unequal);
	if (jpeg)
		printf("\t%016llx\t%016llx\t%d\t%d\n", row->jpeg,
		       row->jpeg_done, row->jpeg_equal, row->jpeg_unequal);
	else
		printf("\t-\t-\t0\t0\n");
	fflush(stdout);
}

static long long count_faults(const char *node)
{
	return hs_knob_int(node, "bad") + hs_knob_int(node, "overlaps") +
	       hs_knob_int(node, "writes_after_stop") +
	       hs_knob_int(node, "unclocked");
}

static int one_row(const struct hs_setup *setup, int sock)
{
	struct row row = {
		.mmap = HS_FNV_INIT,
		.model = HS_FNV_INIT,
		.consumer = HS_FNV_INIT,
		.jpeg = HS_FNV_INIT,
		.jpeg_done = HS_FNV_INIT,
	};
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
	int opt, ran = 0, failed = 0, sock[2], ret;
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
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		return 1;
	/* Forked before any decoder is open: it has nothing but dma-bufs. */
	pid = fork();
	if (pid < 0)
		return 1;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(sock[0]);
		consume(sock[1]);
	}
	close(sock[1]);
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
				ret = one_row(&setup, sock[0]);
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
	close(sock[0]);
	vb2f_wait_child(pid);
	printf("# %d rows, %d failed\n", ran, failed);
	return !ran || failed;
}
