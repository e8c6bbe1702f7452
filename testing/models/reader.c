// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "reader.h"

/*
 * The reader
 */

struct reader {
	struct order stream;
	struct vb2f v;		/* no device: the dma-bufs */
	void *copy[VB2F_MAX_PLANES];
	struct hs enc;
	bool encodes;
};

static void end_stream(struct reader *r)
{
	int i;

	if (r->encodes)
		hs_close(&r->enc);
	for (i = 0; i < r->v.ncap; i++)
		vb2f_drop_buf(&r->v, &r->v.cap[i]);
	for (i = 0; i < VB2F_MAX_PLANES; i++)
		free(r->copy[i]);
	memset(r, 0, sizeof(*r));
}

static int new_stream(struct reader *r, const struct order *o, const int *fd)
{
	struct hs_setup setup = {
		.node = "vepu",
		.codec = HS_JPEG,
		.import_out = true,
		.width = o->width,
		.nout = o->ncap,
		.ncap = 1,
	};
	int i, p, ret = 0;

	end_stream(r);
	r->stream = *o;
	r->v.ncap = o->ncap;
	r->v.nplanes = o->nplanes;
	memcpy(r->v.size, o->size, sizeof(o->size));
	for (i = 0; i < o->ncap; i++)
		memcpy(r->v.cap[i].fd, fd + i * o->nplanes, o->nplanes * sizeof(*fd));
	for (i = o->ncap * o->nplanes; i < READER_FDS; i++)
		close(fd[i]);
	for (i = 0; i < o->ncap && !ret; i++)
		ret = vb2f_map_buf(&r->v, &r->v.cap[i]);
	for (p = 0; p < o->nplanes && !ret; p++) {
		r->copy[p] = malloc(o->size[p]);
		if (!r->copy[p])
			ret = -ENOMEM;
	}
	if (!ret && o->bytes) {
		setup.height = o->bytes / 2 / setup.width / 16 * 16;
		r->encodes = !hs_open(&r->enc, &setup) && !hs_start(&r->enc);
	}
	return ret;
}

/* The encoder reads the frame where the producer has written it. */
static int encode(struct reader *r, int cap, __u64 *hash)
{
	struct hs_range range[2];
	struct hs_done done;
	int ret;

	hs_wipe(&r->enc.v, 0);
	ret = hs_submit_dmabuf(&r->enc, cap, 0, r->v.cap[cap].fd[0], r->v.size[0]);
	if (!ret)
		ret = hs_finish(&r->enc, &done, VB2F_TIMEOUT_MS);
	if (ret)
		return ret;
	if (done.error)
		return -EIO;
	hs_ranges(&r->enc, -1, range);
	range->width = done.bytesused - range->offset;
	*hash = hs_hash(r->enc.v.cap[0].map, range, 1);
	return 0;
}

/* Each plane has the same fence: the last one is looked at, but all are waited for. */
static int look(struct reader *r, int cap, struct report *report)
{
	const struct vb2f_buf *buf = &r->v.cap[cap];
	int sync[VB2F_MAX_PLANES], p, ret = 0, n = r->v.nplanes;

	memset(report, 0, sizeof(*report));
	for (p = 0; p < n; p++) {
		report->busy = !vb2f_poll(buf->fd[p], POLLIN, 0);
		sync[p] = vb2f_export(buf->fd[p], DMA_BUF_SYNC_READ);
		if (sync[p] < 0)
			return sync[p];
		report->active = !vb2f_status(sync[p]);
	}
	report->flight = hs_knob_int(r->stream.node, "active") == 1;
	for (p = 0; p < n; p++) {
		if (!ret)
			ret = vb2f_poll(sync[p], POLLIN, VB2F_TIMEOUT_MS) > 0 ? 0 : -ETIMEDOUT;
		close(sync[p]);
	}
	for (p = 0; p < n && !ret; p++) {
		hs_cpu_access(buf->fd[p], true, false);
		memcpy(r->copy[p], buf->map[p], r->v.size[p]);
		hs_cpu_access(buf->fd[p], false, false);
	}
	report->early = hs_knob_int(r->stream.node, "active") == 1;
	if (ret || !r->encodes)
		return ret;
	report->encoded = true;
	return encode(r, cap, &report->jpeg);
}

static void read_frames(int sock)
{
	struct report report = {};
	struct reader r = {};
	int fd[READER_FDS], i;
	struct order o;

	for (;;) {
		if (vb2f_recv(sock, &o, sizeof(o), fd, READER_FDS))
			exit(1);
		switch (o.what) {
		case STREAM:
			report.error = new_stream(&r, &o, fd);
			break;
		case FRAME:
			report.error = look(&r, o.cap, &report);
			continue;
		case DONE:
			for (i = 0; i < o.parts; i++)
				report.hash[i] = hs_hash(r.copy, o.ranges[i], o.count);
			if (report.encoded && !report.error)
				report.error = encode(&r, o.cap, &report.jpeg_done);
			break;
		}
		if (vb2f_send(sock, &report, sizeof(report), NULL, 0))
			exit(1);
	}
}

/*
 * The producer
 */

int start_reader(pid_t *pid)
{
	int sock;

	*pid = start_peer(&sock);
	if (!*pid)
		read_frames(sock);
	return *pid < 0 ? *pid : sock;
}

static int answer(int sock, struct report *r)
{
	int none;

	return vb2f_recv(sock, r, sizeof(*r), &none, 0) ?: r->error;
}

int reader_stream(int sock, const struct vb2f *v, const char *node, struct order *o)
{
	int fds[READER_FDS], i;
	struct report r;

	o->what = STREAM;
	o->ncap = v->ncap;
	o->nplanes = v->nplanes;
	snprintf(o->node, sizeof(o->node), "%s", node);
	memcpy(o->size, v->size, sizeof(o->size));
	/* As many as are expected */
	for (i = 0; i < READER_FDS; i++)
		fds[i] = i < v->ncap * v->nplanes ? v->cap[i / v->nplanes].fd[i % v->nplanes] :
			 fds[0];
	return vb2f_send(sock, o, sizeof(*o), fds, READER_FDS) ?: answer(sock, &r);
}

int reader_frame(int sock, int cap)
{
	const struct order o = { .what = FRAME, .cap = cap };

	return vb2f_send(sock, &o, sizeof(o), NULL, 0);
}

int reader_done(int sock, struct order *o, struct report *r)
{
	o->what = DONE;
	return vb2f_send(sock, o, sizeof(*o), NULL, 0) ?: answer(sock, r);
}

void count_frame(struct row *row, const struct report *r, bool right)
{
	row->frames++;
	row->equal += right;
	row->unequal += !right;
	row->busy += r->busy;
	row->active += r->active;
	row->flight += r->flight;
	row->early += r->early;
	if (r->encoded) {
		row->jpeg_equal += r->jpeg == r->jpeg_done;
		row->jpeg_unequal += r->jpeg != r->jpeg_done;
		row->jpeg = mix(row->jpeg, r->jpeg);
		row->jpeg_done = mix(row->jpeg_done, r->jpeg_done);
	}
}

__u64 mix(__u64 sum, __u64 hash)
{
	return hs_fnv(sum, &hash, sizeof(hash));
}

long long count_faults(const char *node)
{
	return hs_knob_int(node, "bad") + hs_knob_int(node, "overlaps") +
	       hs_knob_int(node, "writes_after_stop") + hs_knob_int(node, "unclocked");
}

const char *name_of(int err)
{
	return err ? strerrorname_np(-err) ?: "?" : "ok";
}
