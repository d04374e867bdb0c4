package dev.outlast.activities.provider;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.AgentDefinition.Output;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * What each agent prints in its unattended form, in the shapes of its own records, as far as an
 * ordinary run has them. Texts are given as they stand within quotation marks.
 */
public enum Wire {
  /** Claude Code 2.1.329. */
  CLAUDE {
    @Override
    String opening() {
      return """
          {"type":"system","subtype":"init","cwd":"/repo","session_id":"SESSION","tools":["Bash","Edit"],"model":"claude-opus-4-8","permissionMode":"default","claude_code_version":"2.1.329"}
          {"type":"stream_event","event":{"type":"message_start","message":{"id":"msg_0","type":"message","role":"assistant","content":[],"usage":{"input_tokens":4,"output_tokens":1}}},"session_id":"SESSION","parent_tool_use_id":null}
          {"type":"assistant","message":{"id":"msg_0","model":"claude-opus-4-8","type":"message","role":"assistant","content":[{"type":"tool_use","id":"toolu_0","name":"Bash","input":{"command":"ls"}}],"usage":{"input_tokens":4,"output_tokens":20}},"parent_tool_use_id":null,"session_id":"SESSION"}
          {"type":"user","message":{"role":"user","content":[{"tool_use_id":"toolu_0","type":"tool_result","content":"README.md","is_error":false}]},"parent_tool_use_id":null,"session_id":"SESSION"}
          """;
    }

    @Override
    String delta(int step, String text) {
      return """
          {"type":"stream_event","event":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}},"session_id":"SESSION","parent_tool_use_id":null,"uuid":"5d7a3b0e-6c1e-4f6e-9f0b-8f8a5f0c2d8e"}
          """
          .formatted(text);
    }

    @Override
    String message(int step, String text) {
      return """
          {"type":"assistant","message":{"id":"msg_%d","model":"claude-opus-4-8","type":"message","role":"assistant","content":[{"type":"text","text":"%s"}],"stop_reason":null,"usage":{"input_tokens":4,"cache_creation_input_tokens":912,"cache_read_input_tokens":24113,"output_tokens":311}},"parent_tool_use_id":null,"session_id":"SESSION","uuid":"5d7a3b0e-6c1e-4f6e-9f0b-8f8a5f0c2d8e"}
          """
          .formatted(step, text);
    }

    @Override
    String tool(int step, String input, String output) {
      return """
          {"type":"assistant","message":{"id":"msg_%1$d","model":"claude-opus-4-8","type":"message","role":"assistant","content":[{"type":"tool_use","id":"toolu_%1$d","name":"Bash","input":{"command":"%2$s"}}],"usage":{"input_tokens":4,"output_tokens":311}},"parent_tool_use_id":null,"session_id":"SESSION"}
          {"type":"user","message":{"role":"user","content":[{"tool_use_id":"toolu_%1$d","type":"tool_result","content":"%3$s","is_error":false}]},"parent_tool_use_id":null,"session_id":"SESSION","tool_use_result":{"stdout":"%3$s","stderr":"","interrupted":false}}
          """
          .formatted(step, input, output);
    }

    @Override
    String end(String text) {
      return """
          {"type":"result","subtype":"success","is_error":false,"duration_ms":3600000,"num_turns":240,"result":"%s","session_id":"SESSION","total_cost_usd":4.1,"usage":{"input_tokens":960,"cache_creation_input_tokens":218880,"cache_read_input_tokens":5787120,"output_tokens":74640}}
          """
          .formatted(text);
    }
  },

  /** Codex 0.169.0. */
  CODEX {
    @Override
    String opening() {
      return """
          {"type":"thread.started","thread_id":"SESSION"}
          {"type":"turn.started"}
          """;
    }

    @Override
    String delta(int step, String text) {
      return """
          {"type":"item.updated","item":{"id":"item_%d","type":"command_execution","command":"/bin/bash -lc 'mvn verify'","aggregated_output":"%s","exit_code":null,"status":"in_progress"}}
          """
          .formatted(step, text);
    }

    @Override
    String message(int step, String text) {
      return """
          {"type":"item.completed","item":{"id":"item_%d","type":"agent_message","text":"%s"}}
          """
          .formatted(step, text);
    }

    @Override
    String tool(int step, String input, String output) {
      return """
          {"type":"item.started","item":{"id":"item_%1$d","type":"command_execution","command":"/bin/bash -lc '%2$s'","aggregated_output":"","exit_code":null,"status":"in_progress"}}
          {"type":"item.completed","item":{"id":"item_%1$d","type":"command_execution","command":"/bin/bash -lc '%2$s'","aggregated_output":"%3$s","exit_code":0,"status":"completed"}}
          """
          .formatted(step, input, output);
    }

    @Override
    String end(String text) {
      return message(9_999, text)
          + """
          {"type":"turn.completed","usage":{"input_tokens":5787120,"cached_input_tokens":5568240,"output_tokens":74640,"reasoning_output_tokens":20310}}
          """;
    }
  },

  /** Gemini CLI 0.61.0, which prints each piece of an answer as a message. */
  GEMINI {
    @Override
    String opening() {
      return """
          {"type":"init","timestamp":"2026-11-21T00:00:00.000Z","session_id":"SESSION","model":"gemini-2.5-pro"}
          {"type":"message","timestamp":"2026-11-21T00:00:00.001Z","role":"user","content":"do it"}
          {"type":"message","timestamp":"2026-11-21T00:00:03.001Z","role":"assistant","content":"I","delta":true}
          """;
    }

    @Override
    String delta(int step, String text) {
      return """
          {"type":"message","timestamp":"2026-11-21T00:00:04.001Z","role":"assistant","content":"%s","delta":true}
          """
          .formatted(text);
    }

    @Override
    String idle(int step, String text) {
      return """
          {"type":"tool_result","timestamp":"2026-11-21T00:00:06.001Z","tool_id":"run_shell_command-%d","status":"success","output":"%s"}
          """
          .formatted(step, text);
    }

    @Override
    String message(int step, String text) {
      return delta(step, text);
    }

    @Override
    String tool(int step, String input, String output) {
      return """
          {"type":"tool_use","timestamp":"2026-11-21T00:00:05.001Z","tool_name":"run_shell_command","tool_id":"run_shell_command-%1$d","parameters":{"command":"%2$s"}}
          {"type":"tool_result","timestamp":"2026-11-21T00:00:06.001Z","tool_id":"run_shell_command-%1$d","status":"success","output":"%3$s"}
          """
          .formatted(step, input, output);
    }

    @Override
    String end(String text) {
      return delta(0, text)
          + """
          {"type":"result","timestamp":"2026-11-21T01:00:00.000Z","status":"success","stats":{"total_tokens":5861760,"input_tokens":5787120,"output_tokens":74640,"cached":5568240,"duration_ms":3600000,"tool_calls":240}}
          """;
    }
  },

  /** Copilot CLI 1.0.102. */
  COPILOT {
    private static final String TAIL =
        "\"id\":\"29efdf7c-ef27-4913-9dde-1c370d0828a1\",\"timestamp\":\"2026-11-21T02:01:08.198Z\",\"parentId\":\"9b78c14e-a4a0-4773-876e-cf0863f5bb53\"}\n";

    @Override
    String opening() {
      return "{\"type\":\"user.message\",\"data\":{\"content\":\"do it\",\"messageId\":\"m\",\"turnId\":\"0\"},"
          + TAIL
          + "{\"type\":\"assistant.turn_start\",\"data\":{\"turnId\":\"0\"},"
          + TAIL
          + tool(0, "ls", "README.md");
    }

    @Override
    String delta(int step, String text) {
      return "{\"type\":\"assistant.message_delta\",\"data\":{\"messageId\":\"238bab53-cc49-4b28-bd32-a6af0f0a0437\",\"deltaContent\":\""
          + text
          + "\"},\"ephemeral\":true,"
          + TAIL;
    }

    @Override
    String message(int step, String text) {
      return "{\"type\":\"assistant.message\",\"data\":{\"messageId\":\"238bab53-cc49-4b28-bd32-a6af0f0a0437\",\"model\":\"gpt-5\",\"content\":\""
          + text
          + "\",\"toolRequests\":[],\"outputTokens\":311},"
          + TAIL;
    }

    @Override
    String tool(int step, String input, String output) {
      return "{\"type\":\"tool.execution_start\",\"data\":{\"toolCallId\":\"call_"
          + step
          + "\",\"toolName\":\"bash\",\"arguments\":{\"command\":\""
          + input
          + "\"}},"
          + TAIL
          + "{\"type\":\"tool.execution_complete\",\"data\":{\"toolCallId\":\"call_"
          + step
          + "\",\"success\":true,\"result\":{\"content\":\""
          + output
          + "\"}},"
          + TAIL;
    }

    @Override
    String end(String text) {
      return message(9_999, text)
          + """
          {"type":"result","timestamp":"2026-11-21T03:01:08.198Z","sessionId":"SESSION","exitCode":0,"usage":{"premiumRequests":240}}
          """;
    }
  },

  /** OpenCode 1.18.33, which prints a text when it is whole. */
  OPENCODE {
    @Override
    String opening() {
      return """
          {"type":"step_start","timestamp":1795226406128,"sessionID":"SESSION","part":{"id":"prt_0","messageID":"msg_0","sessionID":"SESSION","type":"step-start"}}
          """
          + message(0, "I");
    }

    @Override
    String delta(int step, String text) {
      return """
          {"type":"reasoning","timestamp":1795226406128,"sessionID":"SESSION","part":{"id":"prt_%1$d","messageID":"msg_%1$d","sessionID":"SESSION","type":"reasoning","text":"%2$s","time":{"start":1795226406003,"end":1795226406126}}}
          """
          .formatted(step, text);
    }

    @Override
    String message(int step, String text) {
      return """
          {"type":"text","timestamp":1795226406128,"sessionID":"SESSION","part":{"id":"prt_%1$d","messageID":"msg_%1$d","sessionID":"SESSION","type":"text","text":"%2$s","time":{"start":1795226406003,"end":1795226406126}}}
          """
          .formatted(step, text);
    }

    @Override
    String tool(int step, String input, String output) {
      return """
          {"type":"tool_use","timestamp":1795226406128,"sessionID":"SESSION","part":{"id":"prt_%1$d","messageID":"msg_%1$d","sessionID":"SESSION","type":"tool","callID":"call_%1$d","tool":"bash","state":{"status":"completed","input":{"command":"%2$s"},"output":"%3$s","time":{"start":1795226406003,"end":1795226406126}}}}
          {"type":"step_finish","timestamp":1795226406418,"sessionID":"SESSION","part":{"id":"prt_%1$d","reason":"tool-calls","messageID":"msg_%1$d","sessionID":"SESSION","type":"step-finish","tokens":{"total":1291,"input":960,"output":311,"reasoning":20,"cache":{"write":0,"read":24113}},"cost":0.01}}
          """
          .formatted(step, input, output);
    }

    @Override
    String end(String text) {
      return message(9_999, text)
          + """
          {"type":"step_finish","timestamp":1795226406418,"sessionID":"SESSION","part":{"id":"prt_9999","reason":"stop","messageID":"msg_9999","sessionID":"SESSION","type":"step-finish","tokens":{"total":1291,"input":960,"output":311,"reasoning":20,"cache":{"write":0,"read":24113}},"cost":0.01}}
          """;
    }
  },

  /** A command of one's own that prints records. */
  COMMAND {
    @Override
    String opening() {
      return "{\"session_id\":\"SESSION\",\"text\":\"I begin\"}\n";
    }

    @Override
    String delta(int step, String text) {
      return "  | " + text + "\n";
    }

    @Override
    String message(int step, String text) {
      return "{\"session_id\":\"SESSION\",\"text\":\"" + text + "\"}\n";
    }

    @Override
    String tool(int step, String input, String output) {
      return "{\"step\":" + step + ",\"tool\":\"" + input + "\",\"output\":\"" + output + "\"}\n";
    }

    @Override
    String end(String text) {
      return "{\"session_id\":\"SESSION\",\"result\":\"" + text + "\"}\n";
    }
  };

  /** The session that all of it belongs to. */
  public static final String SESSION = "0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d";

  /** How many steps an agent takes in an hour: one in 15 seconds. */
  private static final int STEPS = 240;

  private static final int DELTA = 40;
  private static final String[] WORDS = {
    "the", "build", "fails", "because", "a", "test", "waits", "for", "\\n", "limit",
        "\\\"reset\\\"",
    "src/main/java/App.java", "at", "3pm", "日本語", "{", "}", "type", "is", "done", "\\u00b7", "error"
  };

  /** What is printed before the model has said much. */
  abstract String opening();

  /** A piece of an answer, or of the output of a command that still runs. */
  abstract String delta(int step, String text);

  /** A record from which nothing is needed in the midst of a turn. */
  String idle(int step, String text) {
    return delta(step, text);
  }

  abstract String message(int step, String text);

  /** The use of a tool, with its result. */
  abstract String tool(int step, String input, String output);

  /** The good end of a turn. */
  abstract String end(String text);

  /** The name of the provider that reads it. */
  String provider() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether there is such a provider. */
  boolean known() {
    return Providers.names().contains(provider());
  }

  /** The provider that reads it. */
  public AgentDriver driver() {
    String name = provider();
    return Providers.driver(
        AgentDefinition.newBuilder(name, name)
            .setArgs(this == COMMAND ? List.of("{prompt}") : List.of())
            .setOutput(this == COMMAND ? Output.JSON : null)
            .build());
  }

  /**
   * An ordinary hour: in each of 240 steps a text of 200 to 1,200 characters, which comes in pieces
   * of 40 first where the agent prints pieces, and a tool called with 50 to 500 characters that
   * gives 1 to 8 KiB.
   */
  public byte[] hour(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder all = new StringBuilder(opening());
    for (int step = 1; step <= STEPS; step++) {
      String text = text(random, random.nextInt(200, 1_200));
      int pieces = this == OPENCODE || this == CODEX ? 1 : text.length() / DELTA;
      for (int i = 0; i < pieces; i++) {
        all.append(delta(step, text(random, DELTA)));
      }
      all.append(message(step, text));
      all.append(
          tool(
              step,
              text(random, random.nextInt(50, 500)),
              text(random, random.nextInt(1_024, 8_192))));
    }
    return bytes(all.append(end(text(random, 500))));
  }

  /** After the opening nothing but records from which nothing is needed. */
  public byte[] idle(long seed, int size) {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder all = new StringBuilder(opening());
    while (all.length() < size) {
      all.append(idle(1, text(random, DELTA)));
    }
    return bytes(all);
  }

  /** After the opening nothing but plain lines, such as other programs print. */
  public byte[] noise(long seed, int size) {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder all = new StringBuilder(opening());
    while (all.length() < size) {
      all.append("[INFO] ").append(text(random, random.nextInt(20, 200))).append('\n');
    }
    return bytes(all);
  }

  /** Words of about so many characters. */
  static String text(SplittableRandom random, int length) {
    StringBuilder text = new StringBuilder(length + 24);
    while (text.length() < length) {
      text.append(WORDS[random.nextInt(WORDS.length)]).append(' ');
    }
    return text.toString();
  }

  private static byte[] bytes(CharSequence text) {
    return text.toString().replace("SESSION", SESSION).getBytes(StandardCharsets.UTF_8);
  }
}
