/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the test programs of the hantro driver do with one context: see submit.h, and
 * testing/models/tests.h for what a test is. Whatever goes wrong in here fails the test.
 */
#ifndef HANTRO_JOBS_H
#define HANTRO_JOBS_H

#include "submit.h"
#include "tests.h"

#define WIDTH		192
#define HEIGHT		128
#define NCAP		4

/* A job with these takes long enough to be looked at, and ends before the time-out. */
#define SOON_US		20000
#define LONG_US		400000
#define LONGER_US	1000000

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
void submit(struct hs *hs, int out, int cap, unsigned int seed);
void wait_done(struct hs *hs, int cap, struct hs_done *done);
__u64 frame_hash(struct hs *hs, const struct hs_done *done);
/* It is the node's last job: what is in the buffer is what the model has written. */
void expect_frame(struct hs *hs, const struct hs_done *done);
void ends_well(struct hs *hs, int cap);
void ends_badly(struct hs *hs, int cap);
void one_good_job(struct hs *hs);

#endif /* HANTRO_JOBS_H */
