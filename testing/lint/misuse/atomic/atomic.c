// SPDX-License-Identifier: GPL-2.0

static int attach(struct foo_ctx *ctx)
{
	return v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx);
}

static void locked(struct foo_ctx *ctx)
{
	unsigned long flags;

	spin_lock_irqsave(&ctx->lock, flags);
	if (v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx))	/* found: in atomic context */
		goto out;
	queue_delayed_work(ctx->wq, &ctx->watchdog, HZ);
	foo_start(ctx);
out:
	spin_unlock_irqrestore(&ctx->lock, flags);
}

static void preemption_off(struct foo_ctx *ctx)
{
	preempt_disable();
	if (!attach(ctx))					/* found: in atomic context */
		foo_start(ctx);
	preempt_enable();
}

static void guarded(struct foo_ctx *ctx)
{
	guard(spinlock_irqsave)(&ctx->lock);
	if (v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx))	/* found: in atomic context */
		return;
	foo_start(ctx);
}

static void scoped(struct foo_ctx *ctx)
{
	scoped_guard(spinlock, &ctx->lock) {
		if (!attach(ctx))				/* found: in atomic context */
			foo_start(ctx);
	}
}

static irqreturn_t foo_irq(int irq, void *priv)
{
	struct foo_ctx *ctx = priv;

	if (attach(ctx))					/* found: by the handler */
		return IRQ_NONE;
	foo_start(ctx);

	return IRQ_HANDLED;
}

static void foo_tasklet(struct tasklet_struct *t)
{
	struct foo_ctx *ctx = from_tasklet(ctx, t, tasklet);

	if (!v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx))	/* found: by the handler */
		foo_start(ctx);
}

static void foo_timer(struct timer_list *t)
{
	struct foo_ctx *ctx = timer_container_of(ctx, t, timer);

	if (!vb2_buffer_attach_release_fence(ctx->vb))		/* found: by the handler */
		foo_start(ctx);
}

static int foo_probe(struct platform_device *pdev)
{
	tasklet_setup(&ctx->tasklet, foo_tasklet);
	timer_setup(&ctx->timer, foo_timer, 0);

	return devm_request_irq(&pdev->dev, irq, foo_irq, 0, "foo", ctx);
}
