/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tests that are the same for every mem2mem driver, and what they are made of: jobs that do
 * not just end well, and files, processes and drivers that go away meanwhile. See tests.h for
 * what a test is, and struct test_program there for how they drive the device.
 */
#ifndef MODELS_MEM2MEM_H
#define MODELS_MEM2MEM_H

#include "../hantro/submit.h"
#include "tests.h"

#define NOUT		2
#define NCAP		4
#define MAX_NTH		2000

/* A job with these takes long enough to be looked at, and ends before the time-out. */
#define SOON_US		20000
#define LONG_US		400000

void wait_done(struct vb2f *v, int cap, struct hs_done *done);
void ends_well(struct vb2f *v, int out, int cap);
void ends_badly(struct vb2f *v, int cap);
/* A job that does end well, and not before the model has ended it. */
void ends_with_model(struct vb2f *v, int out, int cap);
void one_good_job(struct vb2f *v);
/* A job that takes long, and how its fence ends */
void fenced_job(struct vb2f *v, int status);
/* The job of a fence (or none, -1) still runs. */
void still_in_job(int sync);

/* The nth allocation from here on fails; fails_nth() says whether it did, and ends it. */
void fail_nth(int fd, int nth);
bool fails_nth(int fd);
/* A job whose allocations may have failed: false if it came back as failed */
bool was_started(struct vb2f *v, long long starts, bool failed, struct hs_done *done);

void t_spurious_in_job(void);
void t_double(void);
void t_no_interrupt(void);
void t_runaway(void);
void t_deaf(void);
void t_deaf_close(void);
void t_streamoff(void);
void t_close(void);
void t_kill(void);
void t_unbind(void);
void t_outlives(void);
void t_sleep(void);

#endif /* MODELS_MEM2MEM_H */
