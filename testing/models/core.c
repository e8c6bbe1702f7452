// SPDX-License-Identifier: GPL-2.0
/*
 * What all models have in common: see models.h.
 *
 * Everything of a model is under its lock, DMA included, so whoever has stopped a job knows that
 * nothing is written any more. Only interrupts are raised without it.
 */

#include <linux/debugfs.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/kasan-checks.h>
#include <linux/logic_iomem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/platform_device.h>
#include <linux/reset-controller.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "models.h"

#define MODELS_MAX	16
#define RESET_LINES	8
#define FNV_BASIS	0xcbf29ce484222325ULL
#define FNV_PRIME	0x100000001b3ULL
/* A line that stays up interrupts again, but leaves the processor some time. */
#define IRQ_AGAIN	(100 * NSEC_PER_USEC)

static const struct model_type * const types[] = {
	&vdpu2_model, &vepu2_model, &h1_model, &g1_model, &imx_g1_model, &g2_model,
	&rga2_model, &rga3_model,
};

static const char * const faults[MODEL_FAULTS] = {
	[MODEL_FAULT_NONE] = "none",
	[MODEL_FAULT_ERROR] = "error",
	[MODEL_FAULT_BUS] = "bus",
	[MODEL_FAULT_TIMEOUT] = "timeout",
	[MODEL_FAULT_STUCK] = "stuck",
	[MODEL_FAULT_MUTE] = "mute",
	[MODEL_FAULT_DOUBLE] = "double",
	[MODEL_FAULT_LATE] = "late",
	[MODEL_FAULT_RUNAWAY] = "runaway",
};

struct models {
	struct irq_domain *domain;
	struct reset_controller_dev resets;
	struct dentry *dir;
	phys_addr_t memory;
	size_t allocated;
	struct resource *region;
	struct model *models[MODELS_MAX];	/* by id */
	struct model_clk clks[MODELS_MAX];
};

/* logic_iomem's map() has no other way to it. */
static struct models *the_board;

/* Memory */

static u64 fnv(u64 hash, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--)
		hash = (hash ^ *p++) * FNV_PRIME;
	return hash;
}

/* Bus and physical addresses are the same here. What is reserved is the kernel itself. */
void *model_memory(struct model *m, u32 addr, u64 len)
{
	unsigned long pfn;

	if (!addr)
		goto bad;
	for (pfn = PHYS_PFN(addr); pfn < PHYS_PFN(addr + len + PAGE_SIZE - 1); pfn++)
		if (!pfn_valid(pfn) || PageReserved(pfn_to_page(pfn)))
			goto bad;
	return phys_to_virt(addr);
bad:
	m->bad++;
	pr_info("models: %s: no memory at %#x, length %llu\n", m->type->name, addr, len);
	return NULL;
}

void model_mix(struct model *m, u64 value)
{
	m->seed = fnv(m->seed, &value, sizeof(value));
}

bool model_read(struct model *m, u32 addr, u32 len)
{
	void *p = model_memory(m, addr, len);

	if (!p)
		return false;
	model_mix(m, len);
	m->seed = fnv(m->seed, p, len);
	return true;
}

bool model_digest(struct model *m, u32 addr, u32 len, u64 *digest)
{
	const u32 some = 16, every = 509;
	void *p = model_memory(m, addr, len);
	u64 hash = FNV_BASIS;
	u32 i;

	if (!p)
		return false;
	/* KASAN looks at all of it. */
	kasan_check_read(p, len);
	for (i = 0; i < len; i += every)
		hash = fnv(hash, p + i, min(some, len - i));
	*digest = hash;
	return true;
}

bool model_sample(struct model *m, u32 addr, u32 len)
{
	u64 digest;

	if (!model_digest(m, addr, len, &digest))
		return false;
	model_mix(m, digest);
	return true;
}

static void model_fill(struct model *m, u8 *p, u32 len)
{
	u64 x = (m->seed ^ ++m->lines) * FNV_PRIME;
	u32 i;

	for (i = 0; i < len; i += sizeof(x)) {
		/* Any generator will do: this is xorshift. */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(p + i, &x, min(sizeof(x), len - i));
	}
}

bool model_write(struct model *m, u32 addr, u32 len, u32 lines, u32 stride)
{
	u8 *p = model_memory(m, addr, lines ? (u64)(lines - 1) * stride + len : 0);

	if (!p)
		return false;
	while (lines--) {
		model_fill(m, p, len);
		p += stride;
	}
	return true;
}

void model_part(struct model *m, u32 addr)
{
	if (!m->last_parts)
		m->last_hash = FNV_BASIS;
	if (!WARN_ON(m->last_parts == MODEL_PARTS))
		m->last[m->last_parts++] = (struct model_part){ .addr = addr };
}

void model_wrote(struct model *m, const void *p, u32 len)
{
	m->last[m->last_parts - 1].len += len;
	m->last_hash = fnv(m->last_hash, p, len);
}

bool model_write_picture(struct model *m, u32 addr, u32 len, u32 lines, u32 stride)
{
	const void *p;

	if (!model_write(m, addr, len, lines, stride))
		return false;
	model_part(m, addr);
	for (p = phys_to_virt(addr); lines--; p += stride)
		model_wrote(m, p, len);
	return true;
}

/* The job and its interrupt */

static bool model_line(struct model *m)
{
	const struct model_type *type = m->type;
	u32 status = m->regs[type->status_reg / 4];
	bool up = type->line ? type->line(m) : (status & type->irq) && !(status & type->irq_dis);

	/* A block without a clock changes nothing on its output. */
	return up && m->clk->on && !m->muted;
}

static void model_update(struct model *m)
{
	if ((m->pulse || model_line(m)) && !m->masked && !hrtimer_is_queued(&m->irq_timer))
		hrtimer_start(&m->irq_timer, 0, HRTIMER_MODE_REL);
}

/* All interrupts come from here. A line that stays up is seen when it is unmasked. */
static enum hrtimer_restart model_interrupt(struct hrtimer *timer)
{
	struct model *m = container_of(timer, struct model, irq_timer);
	unsigned long flags;
	bool fire;

	raw_spin_lock_irqsave(&m->lock, flags);
	fire = (m->pulse || model_line(m)) && !m->masked;
	m->pulse = false;
	raw_spin_unlock_irqrestore(&m->lock, flags);
	if (fire)
		generic_handle_domain_irq(m->board->domain, m->id);
	return HRTIMER_NORESTART;
}

static enum hrtimer_restart model_extra(struct hrtimer *timer)
{
	struct model *m = container_of(timer, struct model, extra_timer);
	unsigned long flags;

	raw_spin_lock_irqsave(&m->lock, flags);
	m->pulse = !m->masked;
	model_update(m);
	raw_spin_unlock_irqrestore(&m->lock, flags);
	return HRTIMER_NORESTART;
}

static void model_start(struct model *m)
{
	if (m->active)
		m->overlaps++;
	m->starts++;
	m->active = true;
	m->muted = false;
	m->runaway = false;
	m->given_up = false;
	m->fetched = !m->type->fetch || m->type->fetch(m);
	memcpy(m->job_regs, m->regs, sizeof(m->job_regs));

	m->job_fault = m->fault_count ? m->fault : MODEL_FAULT_NONE;
	if (m->job_fault && m->fault_count > 0)
		m->fault_count--;

	if (m->job_fault == MODEL_FAULT_STUCK) {
		m->deadline = KTIME_MAX;
		hrtimer_try_to_cancel(&m->job_timer);
		return;
	}
	m->deadline = ktime_add_us(ktime_get(), m->job_fault == MODEL_FAULT_LATE ?
				   m->extra_us : m->time_us);
	hrtimer_start(&m->job_timer, m->deadline, HRTIMER_MODE_ABS);
}

/* The bits of the status that say how the job ends. */
static u32 model_perform(struct model *m)
{
	const struct model_type *type = m->type;

	switch (m->job_fault) {
	case MODEL_FAULT_RUNAWAY:
		if (m->runaway)
			break;
		m->runaway = true;
		fallthrough;
	case MODEL_FAULT_ERROR:
		return m->error_bits;
	case MODEL_FAULT_BUS:
	case MODEL_FAULT_TIMEOUT:
		return type->results[m->job_fault];
	default:
		break;
	}

	if (m->given_up || m->runaway)
		m->writes_after_stop++;
	m->seed = FNV_BASIS;
	m->lines = 0;
	m->last_parts = 0;
	m->last_hash = 0;
	m->fail = type->results[MODEL_BUS];
	return m->fetched && type->run(m) ? type->results[MODEL_DONE] : m->fail;
}

static enum hrtimer_restart model_done(struct hrtimer *timer)
{
	struct model *m = container_of(timer, struct model, job_timer);
	unsigned long flags;
	bool reported;
	u32 status;

	raw_spin_lock_irqsave(&m->lock, flags);
	/* The timer of an earlier job may have waited for the lock. */
	if (!m->active || ktime_before(ktime_get(), m->deadline))
		goto out;

	reported = m->runaway;
	status = model_perform(m);
	if (m->runaway && !reported) {
		m->deadline = ktime_add_us(ktime_get(), m->extra_us);
		hrtimer_start(&m->job_timer, m->deadline, HRTIMER_MODE_ABS);
	} else {
		m->active = false;
		m->regs[m->type->start_reg / 4] &= ~m->type->start;
	}
	if (!reported) {
		m->jobs++;
		m->muted = m->job_fault == MODEL_FAULT_MUTE;
		m->regs[m->type->status_reg / 4] |= m->type->irq | status;
		model_update(m);
	}
	if (m->job_fault == MODEL_FAULT_DOUBLE)
		hrtimer_start(&m->extra_timer, us_to_ktime(m->extra_us), HRTIMER_MODE_REL);
out:
	raw_spin_unlock_irqrestore(&m->lock, flags);
	return HRTIMER_NORESTART;
}

bool model_stop(struct model *m)
{
	if (m->deaf) {
		m->given_up = true;
		return false;
	}
	if (m->active) {
		m->active = false;
		m->stopped++;
		hrtimer_try_to_cancel(&m->job_timer);
	}
	m->regs[m->type->start_reg / 4] &= ~m->type->start;
	return true;
}

static void model_reset(struct model *m)
{
	if (!model_stop(m))
		return;
	memset(m->regs, 0, sizeof(m->regs));
	m->regs[m->type->version_reg / 4] = m->type->version;
	m->muted = false;
}

/* Registers */

static struct model *model_at(struct models *board, u32 *offset)
{
	int i;

	for (i = 0; i < MODELS_MAX; i++) {
		struct model *m = board->models[i];

		if (m && *offset >= m->start && *offset - m->start < m->type->size) {
			*offset -= m->start;
			return m;
		}
	}
	return NULL;
}

static unsigned long models_read(void *priv, unsigned int offset, int size)
{
	struct model *m = model_at(priv, &offset);
	unsigned long flags;
	u32 val = 0;

	if (WARN_ON_ONCE(!m || size != 4))
		return 0;
	raw_spin_lock_irqsave(&m->lock, flags);
	if (!m->clk->on)
		m->unclocked++;
	else if (m->type->busy && offset == m->type->busy_reg)
		val = m->active ? m->type->busy : 0;
	else
		val = m->regs[offset / 4];
	raw_spin_unlock_irqrestore(&m->lock, flags);
	return val;
}

static void model_write_reg(struct model *m, u32 offset, u32 val)
{
	const struct model_type *type = m->type;
	u32 *reg = &m->regs[offset / 4];

	if (m->resets)
		return;
	if (offset == type->version_reg && type->version)
		return;
	if (type->write && type->write(m, offset, val)) {
		model_update(m);
		return;
	}
	*reg = val;
	if (type->soft_reset && offset == type->soft_reset) {
		if (val)
			model_reset(m);
	} else {
		if (offset == type->status_reg && (val & type->abort)) {
			if (m->active && model_stop(m))
				*reg = (*reg & ~type->abort) | type->irq | type->aborted;
		} else if (offset == type->start_reg) {
			if (val & type->start)
				model_start(m);
			else if (m->active && type->stops_when_cleared)
				model_stop(m);
		}
		/* The block itself clears its start bit. */
		if (m->active)
			m->regs[type->start_reg / 4] |= type->start;
	}
	model_update(m);
}

static void models_write(void *priv, unsigned int offset, int size, unsigned long val)
{
	struct model *m = model_at(priv, &offset);
	unsigned long flags;

	if (WARN_ON_ONCE(!m || size != 4))
		return;
	raw_spin_lock_irqsave(&m->lock, flags);
	if (m->clk->on)
		model_write_reg(m, offset, val);
	else
		m->unclocked++;
	raw_spin_unlock_irqrestore(&m->lock, flags);
}

static const struct logic_iomem_ops models_ops = {
	.read = models_read,
	.write = models_write,
};

static long models_map(unsigned long offset, size_t size, const struct logic_iomem_ops **ops,
		       void **priv)
{
	*ops = &models_ops;
	*priv = the_board;
	return offset;
}

static const struct logic_iomem_region_ops models_region_ops = {
	.map = models_map,
};

/* Reset lines */

static int models_assert(struct reset_controller_dev *rcdev, unsigned long id)
{
	struct models *board = container_of(rcdev, struct models, resets);
	struct model *m = board->models[id / RESET_LINES];
	unsigned long flags;
	u8 deaf;

	raw_spin_lock_irqsave(&m->lock, flags);
	deaf = m->deaf;
	m->deaf = false;
	model_reset(m);
	m->deaf = deaf;
	m->resets |= BIT(id % RESET_LINES);
	raw_spin_unlock_irqrestore(&m->lock, flags);
	return 0;
}

static int models_deassert(struct reset_controller_dev *rcdev, unsigned long id)
{
	struct models *board = container_of(rcdev, struct models, resets);
	struct model *m = board->models[id / RESET_LINES];
	unsigned long flags;

	raw_spin_lock_irqsave(&m->lock, flags);
	m->resets &= ~BIT(id % RESET_LINES);
	raw_spin_unlock_irqrestore(&m->lock, flags);
	return 0;
}

static int models_reset(struct reset_controller_dev *rcdev, unsigned long id)
{
	models_assert(rcdev, id);
	return models_deassert(rcdev, id);
}

static const struct reset_control_ops models_reset_ops = {
	.assert = models_assert,
	.deassert = models_deassert,
	.reset = models_reset,
};

static int models_reset_xlate(struct reset_controller_dev *rcdev,
			      const struct of_phandle_args *spec)
{
	struct models *board = container_of(rcdev, struct models, resets);
	u32 id = spec->args[0], line = spec->args[1];

	if (id >= MODELS_MAX || line >= RESET_LINES || !board->models[id])
		return -EINVAL;
	return id * RESET_LINES + line;
}

/* Clocks */

static int models_clk_set(struct clk_hw *hw, bool on)
{
	struct model_clk *clk = container_of(hw, struct model_clk, hw);
	unsigned long flags;
	int i;

	for (i = 0; i < MODELS_MAX; i++) {
		struct model *m = clk->board->models[i];

		if (!m || m->clk != clk)
			continue;
		raw_spin_lock_irqsave(&m->lock, flags);
		clk->on = on;
		/* It may share its clock with something else: assume that it goes on. */
		if (!on && m->active)
			m->given_up = true;
		model_update(m);
		raw_spin_unlock_irqrestore(&m->lock, flags);
	}
	return 0;
}

static int models_clk_enable(struct clk_hw *hw)
{
	return models_clk_set(hw, true);
}

static void models_clk_disable(struct clk_hw *hw)
{
	models_clk_set(hw, false);
}

static const struct clk_ops models_clk_ops = {
	.enable = models_clk_enable,
	.disable = models_clk_disable,
};

static struct clk_hw *models_clk_get(struct of_phandle_args *spec, void *data)
{
	struct models *board = data;
	u32 id = spec->args[0];

	return id < MODELS_MAX && board->clks[id].board ? &board->clks[id].hw : ERR_PTR(-EINVAL);
}

static int models_add_clk(struct device *dev, struct models *board, u32 id)
{
	struct model_clk *clk = &board->clks[id];
	struct clk_init_data init = { .ops = &models_clk_ops };
	char name[16];

	if (clk->board)
		return 0;
	snprintf(name, sizeof(name), "models-%u", id);
	init.name = name;
	clk->hw.init = &init;
	clk->board = board;
	return devm_clk_hw_register(dev, &clk->hw);
}

/* Interrupts */

static void models_irq_mask(struct irq_data *data)
{
	struct model *m = irq_data_get_irq_chip_data(data);
	unsigned long flags;

	raw_spin_lock_irqsave(&m->lock, flags);
	m->masked = true;
	raw_spin_unlock_irqrestore(&m->lock, flags);
}

static void models_irq_unmask(struct irq_data *data)
{
	struct model *m = irq_data_get_irq_chip_data(data);
	unsigned long flags;

	raw_spin_lock_irqsave(&m->lock, flags);
	m->masked = false;
	if (model_line(m))
		hrtimer_start(&m->irq_timer, ns_to_ktime(IRQ_AGAIN), HRTIMER_MODE_REL);
	raw_spin_unlock_irqrestore(&m->lock, flags);
}

static struct irq_chip models_irq_chip = {
	.name = "models",
	.irq_mask = models_irq_mask,
	.irq_unmask = models_irq_unmask,
};

static int models_irq_map(struct irq_domain *domain, unsigned int irq, irq_hw_number_t hwirq)
{
	struct models *board = domain->host_data;

	if (!board->models[hwirq])
		return -EINVAL;
	irq_set_chip_data(irq, board->models[hwirq]);
	irq_set_chip_and_handler(irq, &models_irq_chip, handle_level_irq);
	return 0;
}

static const struct irq_domain_ops models_irq_ops = {
	.map = models_irq_map,
	.xlate = irq_domain_xlate_onecell,
};

/* debugfs */

static int fault_show(struct seq_file *s, void *unused)
{
	struct model *m = s->private;

	seq_printf(s, "%s\n", faults[READ_ONCE(m->fault)]);
	return 0;
}

static int fault_open(struct inode *inode, struct file *file)
{
	return single_open(file, fault_show, inode->i_private);
}

static ssize_t fault_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct model *m = ((struct seq_file *)file->private_data)->private;
	char name[16];
	int fault;

	if (len >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, buf, len))
		return -EFAULT;
	name[len] = '\0';
	fault = __sysfs_match_string(faults, MODEL_FAULTS, name);
	if (fault < 0)
		return fault;
	if (fault < (int)MODEL_RESULTS && !m->type->results[fault])
		return -EINVAL;
	WRITE_ONCE(m->fault, fault);
	return len;
}

static const struct file_operations fault_fops = {
	.owner = THIS_MODULE,
	.open = fault_open,
	.read = seq_read,
	.write = fault_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int last_dst_show(struct seq_file *s, void *unused)
{
	struct model *m = s->private;
	struct model_part last[MODEL_PARTS];
	unsigned int i, parts;
	unsigned long flags;

	raw_spin_lock_irqsave(&m->lock, flags);
	parts = m->last_parts;
	memcpy(last, m->last, sizeof(last));
	raw_spin_unlock_irqrestore(&m->lock, flags);
	for (i = 0; i < parts; i++)
		seq_printf(s, "%#x %u\n", last[i].addr, last[i].len);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(last_dst);

static int regs_show(struct seq_file *s, void *unused)
{
	struct model *m = s->private;
	u32 i;

	for (i = 0; i < m->type->size / 4; i++)
		if (READ_ONCE(m->regs[i]))
			seq_printf(s, "%#05x %#010x\n", i * 4, m->regs[i]);
	return 0;
}

static int regs_open(struct inode *inode, struct file *file)
{
	return single_open(file, regs_show, inode->i_private);
}

static ssize_t regs_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct model *m = ((struct seq_file *)file->private_data)->private;
	unsigned long flags;
	char text[32] = "";
	u32 offset, val;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	if (sscanf(text, "%i %i", &offset, &val) != 2 || offset >= m->type->size || offset % 4)
		return -EINVAL;
	raw_spin_lock_irqsave(&m->lock, flags);
	model_write_reg(m, offset, val);
	raw_spin_unlock_irqrestore(&m->lock, flags);
	return len;
}

static const struct file_operations regs_fops = {
	.owner = THIS_MODULE,
	.open = regs_open,
	.read = seq_read,
	.write = regs_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int memory_get(void *data, u64 *val)
{
	*val = ((struct models *)data)->memory;
	return 0;
}

static int memory_set(void *data, u64 val)
{
	static const size_t sizes[] = { 0, SZ_64K, SZ_32K };
	struct models *board = data;
	void *p;

	if (val >= ARRAY_SIZE(sizes))
		return -EINVAL;
	if (sizes[val] < board->allocated) {
		free_pages_exact(phys_to_virt(board->memory + sizes[val]),
				 board->allocated - sizes[val]);
	} else if (sizes[val] > board->allocated) {
		if (board->allocated)
			return -EBUSY;
		p = alloc_pages_exact(sizes[val], GFP_KERNEL | __GFP_ZERO);
		if (!p)
			return -ENOMEM;
		board->memory = virt_to_phys(p);
	}
	board->allocated = sizes[val];
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(memory_fops, memory_get, memory_set, "%#llx\n");

static int spurious_set(void *data, u64 val)
{
	model_extra(&((struct model *)data)->extra_timer);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(spurious_fops, NULL, spurious_set, "%llu\n");

static int raise_set(void *data, u64 val)
{
	struct model *m = data;
	unsigned long flags;

	raw_spin_lock_irqsave(&m->lock, flags);
	m->regs[m->type->status_reg / 4] |= val;
	model_update(m);
	raw_spin_unlock_irqrestore(&m->lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(raise_fops, NULL, raise_set, "%llu\n");

static int fault_count_get(void *data, u64 *val)
{
	*val = READ_ONCE(((struct model *)data)->fault_count);
	return 0;
}

static int fault_count_set(void *data, u64 val)
{
	WRITE_ONCE(((struct model *)data)->fault_count, val);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(fault_count_fops, fault_count_get, fault_count_set, "%lld\n");

static void model_debugfs(struct model *m)
{
	struct dentry *d = debugfs_create_dir(m->type->name, m->board->dir);

	debugfs_create_u32("time_us", 0644, d, &m->time_us);
	debugfs_create_u32("extra_us", 0644, d, &m->extra_us);
	debugfs_create_x32("error_bits", 0644, d, &m->error_bits);
	debugfs_create_file("fault", 0644, d, m, &fault_fops);
	debugfs_create_file_unsafe("fault_count", 0644, d, m, &fault_count_fops);
	debugfs_create_u8("deaf", 0644, d, &m->deaf);
	debugfs_create_file_unsafe("spurious", 0200, d, m, &spurious_fops);
	debugfs_create_file_unsafe("raise", 0200, d, m, &raise_fops);
	debugfs_create_file("regs", 0644, d, m, &regs_fops);
	debugfs_create_u8("active", 0444, d, &m->active);
	debugfs_create_u64("starts", 0444, d, &m->starts);
	debugfs_create_u64("jobs", 0444, d, &m->jobs);
	debugfs_create_u64("stopped", 0444, d, &m->stopped);
	debugfs_create_u64("overlaps", 0444, d, &m->overlaps);
	debugfs_create_u64("bad", 0444, d, &m->bad);
	debugfs_create_u64("writes_after_stop", 0444, d, &m->writes_after_stop);
	debugfs_create_u64("unclocked", 0444, d, &m->unclocked);
	debugfs_create_u8("clk_enabled", 0444, d, &m->clk->on);
	debugfs_create_file("last_dst", 0444, d, m, &last_dst_fops);
	debugfs_create_x64("last_hash", 0444, d, &m->last_hash);
}

/* All of it */

static int models_add(struct device *dev, struct models *board, const struct model_type *type,
		      struct device_node *np)
{
	struct of_phandle_args clk;
	struct resource res;
	struct model *m;
	u32 id;
	int ret;

	ret = of_address_to_resource(np, 0, &res);
	if (!ret)
		ret = of_property_read_u32_index(np, "interrupts", type->irq_index, &id);
	if (!ret)
		ret = of_parse_phandle_with_args(np, "clocks", "#clock-cells", 0, &clk);
	if (ret)
		return ret;
	of_node_put(clk.np);
	if (!resource_contains(board->region, &res) || type->size > MODEL_REGS_SIZE ||
	    id >= MODELS_MAX || board->models[id] || clk.args[0] >= MODELS_MAX)
		return -EINVAL;
	ret = models_add_clk(dev, board, clk.args[0]);
	if (ret)
		return ret;

	m = kvzalloc_obj(*m);
	if (!m)
		return -ENOMEM;
	board->models[id] = m;
	m->id = id;
	m->start = res.start - board->region->start + type->offset;
	m->clk = &board->clks[clk.args[0]];
	m->type = type;
	m->board = board;
	m->masked = true;
	m->time_us = 2000;
	m->extra_us = 2500000;
	m->error_bits = type->results[MODEL_ERROR];
	m->regs[type->version_reg / 4] = type->version;
	m->fault_count = -1;
	raw_spin_lock_init(&m->lock);
	hrtimer_setup(&m->irq_timer, model_interrupt, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer_setup(&m->extra_timer, model_extra, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer_setup(&m->job_timer, model_done, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	model_debugfs(m);
	return 0;
}

static void models_cleanup(void *data)
{
	struct models *board = data;
	int i;

	debugfs_remove_recursive(board->dir);
	memory_set(board, 0);
	for (i = 0; i < MODELS_MAX; i++) {
		struct model *m = board->models[i];

		if (!m)
			continue;
		if (board->domain)
			irq_dispose_mapping(irq_find_mapping(board->domain, i));
		hrtimer_cancel(&m->extra_timer);
		hrtimer_cancel(&m->job_timer);
		hrtimer_cancel(&m->irq_timer);
		kvfree(m);
	}
	if (board->domain)
		irq_domain_remove(board->domain);
	if (board->region->parent) {
		/*
		 * logic_iomem keeps its regions for ever; no address lies in this one any more.
		 */
		release_resource(board->region);
		board->region->start = 1;
		board->region->end = 0;
	} else {
		kfree(board->region);
	}
	the_board = NULL;
}

static int models_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct device_node *np;
	struct models *board;
	int ret, i;

	board = devm_kzalloc(dev, sizeof(*board), GFP_KERNEL);
	if (!board)
		return -ENOMEM;
	board->region = kzalloc_obj(*board->region);
	if (!board->region)
		return -ENOMEM;
	board->dir = debugfs_create_dir("models", NULL);
	debugfs_create_file_unsafe("memory", 0644, board->dir, board, &memory_fops);
	the_board = board;
	ret = devm_add_action_or_reset(dev, models_cleanup, board);
	if (ret)
		return ret;

	ret = of_address_to_resource(dev->of_node, 0, board->region);
	if (ret)
		return ret;
	board->region->name = "models";
	for (i = 0; i < ARRAY_SIZE(types); i++)
		for_each_compatible_node(np, NULL, types[i]->compatible) {
			ret = models_add(dev, board, types[i], np);
			if (ret) {
				of_node_put(np);
				return dev_err_probe(dev, ret, "%s\n", types[i]->name);
			}
		}

	board->domain = irq_domain_create_linear(of_fwnode_handle(dev->of_node), MODELS_MAX,
						 &models_irq_ops, board);
	if (!board->domain)
		return -ENOMEM;
	board->resets.ops = &models_reset_ops;
	board->resets.owner = THIS_MODULE;
	board->resets.of_node = dev->of_node;
	board->resets.of_reset_n_cells = 2;
	board->resets.of_xlate = models_reset_xlate;
	board->resets.nr_resets = MODELS_MAX * RESET_LINES;
	ret = devm_reset_controller_register(dev, &board->resets);
	if (!ret)
		ret = devm_of_clk_add_hw_provider(dev, models_clk_get, board);
	if (!ret)
		ret = logic_iomem_add_region(board->region, &models_region_ops);
	return ret;
}

static const struct of_device_id models_match[] = {
	{ .compatible = "vb2-fences,models" },
	{}
};
MODULE_DEVICE_TABLE(of, models_match);

static struct platform_driver models_driver = {
	.probe = models_probe,
	.driver = {
		.name = "models",
		.of_match_table = models_match,
		.suppress_bind_attrs = true,
	},
};
module_platform_driver(models_driver);

MODULE_DESCRIPTION("Models of hardware for User Mode Linux");
MODULE_LICENSE("GPL");
