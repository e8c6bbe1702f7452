// SPDX-License-Identifier: GPL-2.0
/*
 * Make the mistake that the parameter "what" names, to see whether it is noticed.
 * Not for upstream, and not for a machine that you still need.
 */

#include <linux/debug_locks.h>
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

static char *what = "";
module_param(what, charp, 0);

static DEFINE_MUTEX(mutex_a);
static DEFINE_MUTEX(mutex_b);
static DEFINE_SPINLOCK(lock);

static void provoke_warn(void)
{
	WARN_ON(1);
}

static void provoke_bug(void)
{
	BUG();
}

static void provoke_null(void)
{
	*(volatile int *)NULL = 1;
}

static void provoke_panic(void)
{
	panic("provoked");
}

static void provoke_taint(void)
{
	add_taint(TAINT_WARN, LOCKDEP_STILL_OK);
}

static void provoke_use_after_free(void)
{
	volatile int *p = kmalloc(64, GFP_KERNEL);

	kfree((void *)p);
	(void)*p;
}

static void provoke_out_of_bounds(void)
{
	volatile char *p = vmalloc(PAGE_SIZE - 8);

	p[PAGE_SIZE - 8] = 1;
	vfree((void *)p);
}

static void provoke_leak(void)
{
	int i;

	/* Several: what looks like a pointer to one of them may be left on a stack. */
	for (i = 0; i < 8; i++)
		if (!kmalloc(200, GFP_KERNEL))
			pr_info("no memory\n");
}

static void provoke_refcount(void)
{
	refcount_t ref = REFCOUNT_INIT(1);

	refcount_dec(&ref);
}

static void provoke_list(void)
{
	struct list_head a, b, c;

	INIT_LIST_HEAD(&a);
	list_add(&b, &a);
	a.next = &a;
	list_add(&c, &b);
	list_del(&b);
}

static void provoke_recursive(void)
{
	struct mutex *m = kcalloc(2, sizeof(*m), GFP_KERNEL);
	int i;

	for (i = 0; i < 2; i++)
		mutex_init(&m[i]);
	mutex_lock(&m[0]);
	mutex_lock(&m[1]);
	mutex_unlock(&m[1]);
	mutex_unlock(&m[0]);
	kfree(m);
}

static void provoke_circular(void)
{
	mutex_lock(&mutex_a);
	mutex_lock(&mutex_b);
	mutex_unlock(&mutex_b);
	mutex_unlock(&mutex_a);
	mutex_lock(&mutex_b);
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
	mutex_unlock(&mutex_b);
}

static void lock_in_softirq(struct timer_list *t)
{
	spin_lock(&lock);
	spin_unlock(&lock);
}

static DEFINE_TIMER(timer, lock_in_softirq);

static void provoke_irq(void)
{
	mod_timer(&timer, jiffies + 1);
	msleep(100);
	timer_shutdown_sync(&timer);
	/* On one processor, the timer could come now and wait for ever. */
	spin_lock(&lock);
	spin_unlock(&lock);
}

/* What must not happen between publishing a fence and signalling it. */
static void provoke_fence(void)
{
	bool cookie = dma_fence_begin_signalling();

	kfree(kmalloc(64, GFP_KERNEL));
	dma_fence_end_signalling(cookie);
}

static void provoke_rcu(void)
{
	static int __rcu *p;

	(void)rcu_dereference(p);
}

static void provoke_lockdep_off(void)
{
	debug_locks = 0;
}

static void provoke_atomic(void)
{
	spin_lock(&lock);
	msleep(20);
	spin_unlock(&lock);
}

static void provoke_hung_task(void)
{
	long left = 10 * HZ;

	while (left) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		left = schedule_timeout(left);
	}
}

static void provoke_soft_lockup(void)
{
	ktime_t end = ktime_add_ms(ktime_get(), 8000);

	/* mdelay() is too short if the machine was busy when it was calibrated. */
	preempt_disable();
	while (ktime_before(ktime_get(), end))
		cpu_relax();
	preempt_enable();
}

static void provoke_hang(void)
{
	mutex_lock(&mutex_a);
	while (1)
		schedule_timeout_uninterruptible(HZ);
}

static void provoke_debug_object(void)
{
	struct timer_list *t = kmalloc(sizeof(*t), GFP_KERNEL);

	timer_setup(t, lock_in_softirq, 0);
	mod_timer(t, jiffies + 1000 * HZ);
	kfree(t);
}

static const struct {
	const char *name;
	void (*make)(void);
} mistakes[] = {
	{ "warn", provoke_warn },
	{ "bug", provoke_bug },
	{ "null", provoke_null },
	{ "panic", provoke_panic },
	{ "taint", provoke_taint },
	{ "use-after-free", provoke_use_after_free },
	{ "out-of-bounds", provoke_out_of_bounds },
	{ "leak", provoke_leak },
	{ "refcount", provoke_refcount },
	{ "list", provoke_list },
	{ "recursive", provoke_recursive },
	{ "circular", provoke_circular },
	{ "irq", provoke_irq },
	{ "fence", provoke_fence },
	{ "rcu", provoke_rcu },
	{ "lockdep-off", provoke_lockdep_off },
	{ "atomic", provoke_atomic },
	{ "hung-task", provoke_hung_task },
	{ "soft-lockup", provoke_soft_lockup },
	{ "hang", provoke_hang },
	{ "debug-object", provoke_debug_object },
};

static int __init provoke_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		if (!strcmp(what, mistakes[i].name)) {
			mistakes[i].make();
			return 0;
		}
	}
	return -EINVAL;
}
module_init(provoke_init);

static void __exit provoke_exit(void)
{
}
module_exit(provoke_exit);

MODULE_DESCRIPTION("Make mistakes for the kernel to notice");
MODULE_LICENSE("GPL");
