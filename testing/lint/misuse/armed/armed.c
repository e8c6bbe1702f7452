// SPDX-License-Identifier: GPL-2.0

static void direct(struct foo_ctx *ctx)
{
	queue_delayed_work(ctx->wq, &ctx->watchdog, HZ);
	if (v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx)) {	/* found: after the timeout */
		foo_job_finish(ctx, VB2_BUF_STATE_ERROR);
		return;
	}
	foo_start(ctx);
}

static void timer(struct foo_ctx *ctx)
{
	int ret;

	mod_timer(&ctx->timer, jiffies + HZ);
	ret = v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx);	/* found: after the timeout */
	if (ret)
		return;
	foo_start(ctx);
}

static void kick_watchdog(struct foo_ctx *ctx)
{
	schedule_delayed_work(&ctx->watchdog, HZ);
}

static void indirect(struct foo_ctx *ctx)
{
	kick_watchdog(ctx);
	if (v4l2_m2m_attach_release_fence(ctx->fh.m2m_ctx))	/* found: after the timeout */
		return;
	foo_start(ctx);
}
