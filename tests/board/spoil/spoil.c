// spoil: what drivers do when their device goes wrong. Below /sys/module/spoil/parameters:
//   hang = 1   whoever asks for a frame (VIDIOC_DQBUF) does not come back, whatever signal it gets but the last one: the device has stopped to answer
//   cut = 1    frames are shorter than they should be, and called good: packets were lost on their way
// For the emulated board alone.
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <media/videobuf2-core.h>

static bool hang, cut;
module_param(hang, bool, 0644);
module_param(cut, bool, 0644);

/* What is left of a frame, bytes. */
#define LEFT 1000

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

static int shorten(struct kprobe *probe, struct pt_regs *regs)
{
	if (READ_ONCE(cut))
		vb2_set_plane_payload((struct vb2_buffer *)regs_get_kernel_argument(regs, 0), 0, LEFT);
	return 0;
}

static struct kprobe asked = { .symbol_name = "vb2_ioctl_dqbuf", .pre_handler = aside };
static struct kprobe filled = { .symbol_name = "vb2_buffer_done", .pre_handler = shorten };
static struct kprobe *probes[] = { &asked, &filled };

static int __init begin(void)
{
	return register_kprobes(probes, ARRAY_SIZE(probes));
}

static void __exit end(void)
{
	unregister_kprobes(probes, ARRAY_SIZE(probes));
}

module_init(begin);
module_exit(end);
MODULE_DESCRIPTION("A driver that holds a call for a frame for ever, or cuts frames short");
MODULE_LICENSE("Dual MIT/GPL");
