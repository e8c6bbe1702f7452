/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Models of hardware for User Mode Linux, so that a driver can be run, and made to fail, where
 * the hardware is not: what the driver sees of a block are its registers, its interrupt, its
 * clock, its reset lines, and what it does to memory.
 *
 * One core (core.c) plays every block. What differs is in a struct model_type: where the start
 * and the status are among the registers, which bits mean what, and run(), which does the DMA
 * of one job. A job is what the driver starts: the registers are copied at the start, a while
 * later run() reads the inputs and writes the outputs, then the status changes and the interrupt
 * line goes up, and it stays up until the driver clears the status.
 *
 * Nothing is really decoded or encoded. What run() writes is a function of the bytes that it
 * read (stream, tables, reference frames, input planes) and of a few registers, never of an
 * address: a wrong address or a stale buffer gives another picture. What RGA makes of a picture
 * is real, see rga.h.
 *
 * The node "vb2-fences,models" in board.dts is all of it: the interrupt controller, the clocks,
 * the reset lines and the range of registers in which the modelled nodes lie. A node belongs to
 * the type that its compatible names. Cells: interrupts = <N>, with N a number of the model that
 * nothing else uses; clocks = <&models C>; resets = <&models N line>.
 *
 * In /sys/kernel/debug/models/NAME:
 *
 *  time_us            rw  from start to done (2000)
 *  fault              rw  none
 *                         error, bus, timeout: the job ends with that status, nothing is
 *                         written; refused if the block has no such status
 *                         stuck: the job never ends
 *                         mute: the job is done, without an interrupt
 *                         double: extra_us after done, another interrupt
 *                         late: the job is done extra_us after the start
 *                         runaway: the status is an error, but the job goes on, and writes
 *                         extra_us after that
 *  fault_count        rw  how many of the jobs to come have the fault; -1: all (-1)
 *  extra_us           rw  see fault (2500000)
 *  error_bits         rw  what faults error and runaway set in the status
 *  deaf               rw  1: soft reset, abort and a cleared enable bit are ignored, reset lines
 *                         are not (0)
 *  spurious           w   an interrupt now, whatever the status
 *  raise              w   set these bits in the status, as the block would
 *  active             r   1: a job runs
 *  starts jobs stopped r  jobs started, ended by themselves with any status, stopped by the driver
 *  overlaps           r   started while one was running, which is lost
 *  bad                r   accesses to memory that is none, or at address 0: a bus error
 *  writes_after_stop  r   jobs that wrote after the driver had tried to stop them, or had
 *                         disabled the clock, or after they had reported an error
 *  unclocked          r   accesses to registers with the clock off; they read 0 and write nothing
 *  clk_enabled        r   1: the clock is on
 *  regs               rw  "offset value" of the registers that are not 0; written, one of them is
 *                         written as the driver would, but even with the clock off
 *  last_dst           r   "address length" of each part of the last picture or stream written
 *  last_hash          r   FNV-1a 64 of its bytes, in the order of last_dst
 *
 * and in /sys/kernel/debug/models:
 *
 *  memory             rw  1: allocate 64 KiB, 2: free the second half, 0: free the rest;
 *                         reads the address, even of what is free
 */
#ifndef MODELS_H
#define MODELS_H

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/clk-provider.h>
#include <linux/hrtimer.h>
#include <linux/types.h>

#define MODEL_REGS_SIZE		0x1000
#define MODEL_PARTS		3

/* How a job ends. */
enum model_result { MODEL_DONE, MODEL_ERROR, MODEL_BUS, MODEL_TIMEOUT, MODEL_RESULTS };

enum model_fault {
	/* The first ones are results. */
	MODEL_FAULT_NONE, MODEL_FAULT_ERROR, MODEL_FAULT_BUS, MODEL_FAULT_TIMEOUT,
	MODEL_FAULT_STUCK, MODEL_FAULT_MUTE, MODEL_FAULT_DOUBLE, MODEL_FAULT_LATE,
	MODEL_FAULT_RUNAWAY,
	MODEL_FAULTS
};

struct model;

/**
 * struct model_type - what one kind of block is like
 * @name: of its directory in debugfs
 * @compatible: of its node in the device tree
 * @offset: of its registers in the node's
 * @size: of its registers
 * @irq_index: which of the node's interrupts is its own
 * @start_reg: register whose bits @start start a job; they read as 1 as long as the job runs
 * @start: bits
 * @status_reg: register with the bits @irq, @irq_dis, @results and @abort
 * @irq: the job has ended, the interrupt line is up
 * @irq_dis: but not if this is set
 * @results: set together with @irq, by enum model_result; 0: the block does not know that one
 * @abort: stops the job when written as 1
 * @aborted: set together with @irq when that has happened
 * @soft_reset: register that stops the job and clears all registers when not 0 is written
 * @stops_when_cleared: the job stops when @start is cleared
 * @version_reg: register that always reads @version
 * @version: what it reads
 * @busy_reg: register that reads @busy as long as a job runs
 * @busy: bit
 * @write: a register that is more than what was written to it; false: it is not. It may call
 *	model_stop()
 * @line: whether the status asks for an interrupt, if that is not simply @irq and @irq_dis
 * @fetch: read more registers from memory when a job is started; false: bus error
 * @run: do the DMA of a job as it was programmed (model_reg()); false: bus error, or the status
 *	bits in @fail of struct model. Called with the lock held, in hard interrupt context
 */
struct model_type {
	const char *name;
	const char *compatible;
	u32 offset;
	u32 size;
	unsigned int irq_index;

	u32 start_reg;
	u32 start;
	u32 status_reg;
	u32 irq;
	u32 irq_dis;
	u32 results[MODEL_RESULTS];
	u32 abort;
	u32 aborted;
	u32 soft_reset;
	bool stops_when_cleared;
	u32 version_reg;
	u32 version;
	u32 busy_reg;
	u32 busy;

	bool (*write)(struct model *m, u32 offset, u32 val);
	bool (*line)(struct model *m);
	bool (*fetch)(struct model *m);
	bool (*run)(struct model *m);
};

struct models;

struct model_clk {
	struct clk_hw hw;
	struct models *board;
	u8 on;
};

struct model_part {
	u32 addr;
	u32 len;
};

struct model {
	const struct model_type *type;
	struct models *board;
	struct model_clk *clk;
	unsigned int id;	/* of its interrupt and its reset lines */
	u32 start;		/* of its registers in the board's */
	struct dentry *dir;

	raw_spinlock_t lock;	/* of all below */
	u32 regs[MODEL_REGS_SIZE / 4];
	u8 resets;		/* the lines that are asserted */
	bool masked;		/* in the interrupt controller */
	bool pulse;		/* an interrupt that no status stands for */
	struct hrtimer irq_timer;
	struct hrtimer extra_timer;

	/* The job */
	struct hrtimer job_timer;
	ktime_t deadline;
	u8 active;
	bool muted;
	bool given_up;		/* the driver takes it for stopped */
	bool runaway;		/* it has told of an error, and runs on */
	bool fetched;
	u32 fail;		/* see run() */
	enum model_fault job_fault;
	u32 job_regs[MODEL_REGS_SIZE / 4];
	u64 seed;
	u64 lines;		/* written so far */

	/* debugfs */
	u32 time_us;
	u32 extra_us;
	u32 error_bits;
	enum model_fault fault;
	s64 fault_count;
	u8 deaf;
	u64 starts, jobs, stopped, overlaps, bad, writes_after_stop, unclocked;
	u64 last_hash;
	unsigned int last_parts;
	struct model_part last[MODEL_PARTS];
};

extern const struct model_type vdpu2_model, vepu2_model, h1_model, g1_model, imx_g1_model, g2_model,
			       rga2_model, rga3_model;

/* A register of the job that runs. */
static inline u32 model_reg(struct model *m, u32 reg)
{
	return m->job_regs[reg / 4];
}

/*
 * What run() is made of; all of it changes what will be written. False: no such memory.
 *
 * model_mix(): by this value
 * model_read(): by all these bytes
 * model_sample(): by some of these many bytes; all must be there
 * model_digest(): model_sample() apart, into *digest
 * model_write(): write these lines; model_write_picture() likewise, and last_* tell of it
 */
void model_mix(struct model *m, u64 value);
bool model_read(struct model *m, u32 addr, u32 len);
bool model_sample(struct model *m, u32 addr, u32 len);
bool model_digest(struct model *m, u32 addr, u32 len, u64 *digest);
bool model_write(struct model *m, u32 addr, u32 len, u32 lines, u32 stride);
bool model_write_picture(struct model *m, u32 addr, u32 len, u32 lines, u32 stride);

/*
 * For those that do real work: memory, and what last_* tell: where a part of the result begins,
 * and what has been written to it.
 */
void *model_memory(struct model *m, u32 addr, u64 len);
void model_part(struct model *m, u32 addr);
void model_wrote(struct model *m, const void *p, u32 len);

/* What the driver does to stop a job. False: the block does not care. */
bool model_stop(struct model *m);

#endif
