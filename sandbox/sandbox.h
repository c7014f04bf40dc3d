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

/*
 * A Telegram Bot API with one bot and private chats; what people do is said
 * by the control API under /sandbox/ (docs/SANDBOX.md).
 *
 *   --listen HOST:PORT   127.0.0.1:8082; port 0 takes any
 *   --port-file FILE     the port is written there once it listens
 *   --token TOKEN        <digits>:<secret>; made and printed when not given
 *   --dir DIR            files lie there; else in memory
 *   --retry-scale X      0..1, of the pauses before webhook retries; 1
 *   --webhook-timeout-ms N  60000
 *   --no-limits          Telegram's rate limits are off
 *   --quiet              no line on stdout
 *
 * Prints "telegram listening on http://127.0.0.1:PORT". Ends on SIGTERM and
 * SIGINT with 0; 2 for wrong arguments.
 */
int sandbox_telegram_main(int argc, char **argv);

#endif
