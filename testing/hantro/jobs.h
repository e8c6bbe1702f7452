/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the test programs of the hantro driver do with one context: see submit.h, and
 * testing/models/mem2mem.h for what any driver's do. Whatever goes wrong in here fails the test.
 */
#ifndef HANTRO_JOBS_H
#define HANTRO_JOBS_H

#include "mem2mem.h"

#define WIDTH		192
#define HEIGHT		128
#define LONGER_US	1000000	/* the watchdog's are 2000000 */

#define G1_LIKE		"vdpu g1 g1i"
#define ENCODERS	"vepu h1"
#define ALL		G1_LIKE " g2 " ENCODERS
/* The G1 of i.MX8MQ has no reset that the driver knows, and so no fences. */
#define RESETS		"vdpu vepu g1 h1 g2"

int run_hantro_tests(const char *name, const struct test *tests, int argc, char **argv);

enum hs_codec codec_of(const char *name);
void open_as(struct hs *hs, const char *name, enum hs_codec what);
void open_one(struct hs *hs);	/* of the test's node */

/* The CAPTURE buffer is wiped before. */
void submit(struct vb2f *v, int out, int cap, unsigned int seed);
__u64 frame_hash(struct hs *hs, const struct hs_done *done);

#endif /* HANTRO_JOBS_H */
