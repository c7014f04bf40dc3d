/* comfy/fault.c: what an exception means for the job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/utf8.h"
#include "comfy/fault.h"

static void
each_kind_of_exception_has_its_fault(void **state)
{
    static const struct {
        const char *type, *text, *node, *want;
    } t[] = {
        {"torch.OutOfMemoryError", "Allocation on device", "KSampler", "oom"},
        {"torch.cuda.OutOfMemoryError", "", "VAEDecode", "oom"},
        {"RuntimeError", "CUDA error: out of memory", "KSampler", "oom"},
        {"RuntimeError", "MPS backend out of memory (MPS allocated: 9)",
         "KSampler", "oom"},
        {"RuntimeError",
         "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't "
         "allocate memory: you tried to allocate 12884901888 bytes",
         "Morphology", "oom"},
        {"numpy.core._exceptions._ArrayMemoryError", "Unable to allocate",
         "LoadImage", "oom"},
        {"RuntimeError", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling",
         "KSampler", "oom"},
        {"torch.AcceleratorError", "CUDA error: unspecified launch failure",
         "KSampler", "gpu"},
        {"RuntimeError", "CUDA error: uncorrectable ECC error encountered",
         "KSampler", "gpu"},
        {"RuntimeError", "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
         "VAEDecode", "gpu"},
        {"RuntimeError", "CUDA error: device-side assert triggered",
         "LoadImage", "gpu"},
        {"RuntimeError", "Found no NVIDIA driver on your system.", "KSampler",
         "gpu"},
        {"RuntimeError", "No CUDA GPUs are available", "KSampler", "gpu"},
        {"PIL.UnidentifiedImageError",
         "cannot identify image file '/opt/ComfyUI/temp/x.png'\n", "LoadImage",
         "input"},
        {"OSError", "image file is truncated (3 bytes not processed)",
         "LoadImage", "input"},
        {"SyntaxError", "broken PNG file (chunk b'IDAT')", "LoadImageMask",
         "input"},
        {"PIL.Image.DecompressionBombError", "Image size exceeds limit",
         "LoadImage", "input"},
        {"av.error.InvalidDataError", "Invalid data found", "LoadImage",
         "input"},
        {"ValueError", "Invalid image file: x.png", "SomeLoader", "input"},
        {"IndexError", "list index out of range", "LoadImage", "input"},
        {"Exception", "no frames", "VHS_LoadVideo", "input"},
        {"FileNotFoundError", "[Errno 2] No such file: 'temp/x.png'",
         "LoadImage", "lost"},
        {"FileNotFoundError", "[Errno 2] No such file: 'lut.cube'", "ApplyLut",
         "workflow"},
        {"OSError", "[Errno 28] No space left on device", "SaveImage", "lost"},
        {"Exception", "Task failed: Request Moderated", "FluxProUltra",
         "moderation"},
        {"Exception", "Content filtered by Google's practices", "VeoVideo",
         "moderation"},
        {"TimeoutError", "", "FluxProUltra", "timeout"},
        {"Exception", "Polling timed out after 300 s", "FluxProUltra",
         "timeout"},
        {"comfy.model_management.InterruptProcessingException", "", "KSampler",
         "interrupted"},
        {"RuntimeError", "Padding size should be less than", "ImageBlur",
         "workflow"},
        {"ValueError", "Unsupported blend mode: magic", "ImageBlend",
         "workflow"},
        {NULL, NULL, NULL, "workflow"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
        assert_string_equal(
            comfy_fault_label(comfy_fault_of(t[i].type, t[i].text, t[i].node)),
            t[i].want);
}

static void
a_servers_text_becomes_one_clean_line(void **state)
{
    struct arena *a = arena_new();
    char *long_text = arena_alloc(a, 100001);

    (void)state;
    assert_string_equal(comfy_clean(a, " a\n\n b\t\x1b[31m c\r\n", 50),
                        "a b [31m c");
    assert_string_equal(comfy_clean(a, "x\xff", 50), "x\xef\xbf\xbd");
    assert_string_equal(comfy_clean(a, "abcdef", 4), "abc\xe2\x80\xa6");
    assert_string_equal(comfy_clean(a, NULL, 4), "");
    memset(long_text, 'z', 100000);
    assert_int_equal(utf8_count(str_c(comfy_clean(a, long_text, 300))), 300);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_exception_has_its_fault),
        cmocka_unit_test(a_servers_text_becomes_one_clean_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
