/*
 * sandbox.h - a Telegram and a ComfyUI that run on a laptop: for the demo, for
 * trying presets, for tests. Each is a program of its own; main() hands them
 * argc and argv from the word behind the command on.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

/*
 * The HTTP contract of a self-hosted ComfyUI, computed on real pixels.
 *
 *   --listen HOST:PORT   127.0.0.1:8188; port 0 takes any
 *   --port-file FILE     the port is written there once it listens
 *   --dir DIR            input/, output/, temp/ (wiped), sandbox-runs.log
 *   --models DIR         what /models lists; none by default
 *   --profile 0.3.64|0.38
 *   --render-ms N        least time of a prompt that runs any output node
 *   --quiet              no line on stdout
 *
 * Prints "comfy listening on http://127.0.0.1:PORT". Ends on SIGTERM and
 * SIGINT with 0; 2 for wrong arguments.
 */
int sandbox_comfy_main(int argc, char **argv);

int sandbox_telegram_main(int argc, char **argv);

#endif
