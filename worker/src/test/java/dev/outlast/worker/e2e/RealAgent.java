package dev.outlast.worker.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** An agent from npm, and what a user would set up so that it works with a given model API. */
enum RealAgent {
  CLAUDE(".claude/projects", "0e8a0f9c-4a32-4c0a-9b39-6a3f3b1c2d4e") {
    @Override
    String settings(String baseUrl) {
      return """
      secrets = { CLAUDE_CODE_OAUTH_TOKEN = "env:DUMMY_KEY" }
      env.ANTHROPIC_BASE_URL = "%s"
      env.CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = "1"
      env.DISABLE_AUTOUPDATER = "1"
      env.DISABLE_ERROR_REPORTING = "1"
      env.DISABLE_TELEMETRY = "1"
      """
          .formatted(baseUrl);
    }
  },

  CODEX(".codex/sessions", "0e8a0f9c-4a32-4c0a-9b39-6a3f3b1c2d4e") {
    @Override
    String agent() {
      return "sandbox = \"danger-full-access\"";
    }

    @Override
    String settings(String baseUrl) {
      return "secrets = { CODEX_API_KEY = \"env:DUMMY_KEY\" }";
    }

    @Override
    void prepare(Path home, String baseUrl) throws IOException {
      write(
          home.resolve(".codex/config.toml"),
          """
          model = "gpt-5"
          model_provider = "loopback"

          [model_providers.loopback]
          name = "loopback"
          base_url = "%s/v1"
          env_key = "CODEX_API_KEY"
          wire_api = "responses"
          """
              .formatted(baseUrl));
    }
  },

  GEMINI(".gemini/tmp", "0e8a0f9c-4a32-4c0a-9b39-6a3f3b1c2d4e") {
    @Override
    String agent() {
      return "permission-mode = \"yolo\"";
    }

    @Override
    String settings(String baseUrl) {
      return """
      secrets = { GEMINI_API_KEY = "env:DUMMY_KEY" }
      env = { GOOGLE_GEMINI_BASE_URL = "%s" }
      """
          .formatted(baseUrl);
    }

    @Override
    void prepare(Path home, String baseUrl) throws IOException {
      write(
          home.resolve(".gemini/settings.json"),
          """
          {"security": {"auth": {"selectedType": "gemini-api-key"}},
           "privacy": {"usageStatisticsEnabled": false}, "telemetry": {"enabled": false}}
          """);
    }
  },

  COPILOT(".copilot/session-state", "0e8a0f9c-4a32-4c0a-9b39-6a3f3b1c2d4e") {
    @Override
    String agent() {
      return "args = [\"--allow-all-tools\"]";
    }

    @Override
    String settings(String baseUrl) {
      return """
      secrets = { COPILOT_PROVIDER_API_KEY = "env:DUMMY_KEY" }
      env.COPILOT_OFFLINE = "true"
      env.COPILOT_AUTO_UPDATE = "false"
      env.COPILOT_PROVIDER_BASE_URL = "%s/v1"
      env.COPILOT_MODEL = "gpt-5"
      """
          .formatted(baseUrl);
    }
  },

  OPENCODE(".local/share/opencode", "ses_0123456789abcdefABCDEFGHIJ") {
    @Override
    String settings(String baseUrl) {
      return "env = { OPENCODE_DISABLE_AUTOUPDATE = \"1\", OPENCODE_DISABLE_MODELS_FETCH = \"1\" }";
    }

    @Override
    void prepare(Path home, String baseUrl) throws IOException {
      write(
          home.resolve(".config/opencode/opencode.json"),
          """
          {"autoupdate": false, "share": "disabled", "model": "loopback/one",
           "small_model": "loopback/one",
           "provider": {"loopback": {"npm": "@ai-sdk/openai-compatible", "name": "Loopback",
             "options": {"baseURL": "%s/v1", "apiKey": "a-dummy-key"},
             "models": {"one": {"name": "One", "limit": {"context": 200000, "output": 8192}}}}}}
          """
              .formatted(baseUrl));
    }
  };

  private final String sessions;
  private final String unknownSession;

  RealAgent(String sessions, String unknownSession) {
    this.sessions = sessions;
    this.unknownSession = unknownSession;
  }

  /** Its name, in the configuration and as a program. */
  String program() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The folder under its home in which it keeps its sessions. */
  String sessions() {
    return sessions;
  }

  /** An id that it could have given to a session, but has not. */
  String unknownSession() {
    return unknownSession;
  }

  /**
   * The sections of the worker's configuration.
   *
   * @param accounts their names
   */
  String configuration(Path executable, String baseUrl, List<String> accounts) {
    return """
    [agents.%s]
    command = ["%s"]
    account = "%s"
    %s

    %s
    """
        .formatted(
            program(),
            executable,
            accounts.get(0),
            agent(),
            accounts.stream()
                .map(name -> account(name, baseUrl))
                .collect(Collectors.joining("\n")));
  }

  /** The section of one account. */
  String account(String name, String baseUrl) {
    return """
    [accounts.%s]
    provider = "%s"
    %s
    """
        .formatted(name, program(), settings(baseUrl));
  }

  /** What else the agent is configured with. */
  String agent() {
    return "";
  }

  /** What each account is configured with. */
  abstract String settings(String baseUrl);

  /** Writes the agent's own configuration files. */
  void prepare(Path home, String baseUrl) throws IOException {}

  private static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
