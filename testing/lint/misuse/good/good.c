// SPDX-License-Identifier: GPL-2.0
/* What looks like a mistake, and is none. */

#include "good.h"

static void device_run(void *priv)
{
	struct foo_ctx *ctx = priv;
	bool cookie;
	int ret;

	spin_lock(&ctx->lock);
	ctx->running = true;
	spin_unlock(&ctx->lock);

	mutex_lock(&ctx->mutex);
	ret = v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx);
	mutex_unlock(&ctx->mutex);
	if (ret) {
		ctx->log = kmalloc(PAGE_SIZE, GFP_KERNEL);
		goto fail;
	}

	cookie = dma_fence_begin_signalling();
	guard(preempt)();
	foo_kick_watchdog(ctx);
	ctx->small = kmalloc(16, GFP_ATOMIC);
	foo_start(ctx);
	dma_fence_end_signalling(cookie);

	mutex_lock(&ctx->mutex);
	ctx->started++;
	mutex_unlock(&ctx->mutex);
	return;

fail:
	mutex_lock(&ctx->mutex);
	foo_job_finish(ctx, VB2_BUF_STATE_ERROR);
	mutex_unlock(&ctx->mutex);
}

static int attach(struct foo_ctx *ctx)
{
	return vb2_buffer_attach_release_fence(ctx->vb);
}

/* A threaded handler may sleep. */
static irqreturn_t foo_thread(int irq, void *priv)
{
	struct foo_ctx *ctx = priv;

	cancel_delayed_work(&ctx->watchdog);
	{
		guard(spinlock)(&ctx->lock);
		ctx->running = false;
	}
	if (attach(ctx) < 0)
		return IRQ_NONE;
	foo_kick_watchdog(ctx);
	foo_start(ctx);

	return IRQ_HANDLED;
}

static irqreturn_t foo_irq(int irq, void *priv)
{
	return IRQ_WAKE_THREAD;
}

/* The next job is started behind the one before. */
static void foo_work(struct work_struct *work)
{
	struct foo_ctx *ctx = container_of(work, struct foo_ctx, work);

	while (ctx->jobs--)
		device_run(ctx);
}

static int foo_probe(struct platform_device *pdev)
{
	return devm_request_threaded_irq(&pdev->dev, irq, foo_irq, foo_thread, 0, "foo", ctx);
}
