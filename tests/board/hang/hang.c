// hang: while /sys/module/hang/parameters/hang is 1, whoever asks a V4L2 driver for a frame (VIDIOC_DQBUF) does not come back, whatever signal it gets
// but the last one. So do drivers whose device has stopped to answer. For the emulated board alone.
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

static bool hang;
module_param(hang, bool, 0644);

/* In place of vb2_ioctl_dqbuf. */
static int held(void)
{
	while (READ_ONCE(hang) && !fatal_signal_pending(current))
		schedule_timeout_killable(HZ / 20);
	return -EIO;
}

/* The caller goes on there instead: it may sleep, which a probe may not. */
static int aside(struct kprobe *probe, struct pt_regs *regs)
{
	if (!READ_ONCE(hang))
		return 0;
	instruction_pointer_set(regs, (unsigned long)held);
	return 1;
}

static struct kprobe probe = { .symbol_name = "vb2_ioctl_dqbuf", .pre_handler = aside };

static int __init begin(void)
{
	return register_kprobe(&probe);
}

static void __exit end(void)
{
	unregister_kprobe(&probe);
}

module_init(begin);
module_exit(end);
MODULE_DESCRIPTION("A driver that holds a call for a frame for ever");
MODULE_LICENSE("Dual MIT/GPL");
