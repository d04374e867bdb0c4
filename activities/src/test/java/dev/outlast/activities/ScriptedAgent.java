package dev.outlast.activities;

import dev.outlast.activities.claim.Answer;
import dev.outlast.activities.claim.ClaimTable;
import dev.outlast.activities.claim.Claimant;
import dev.outlast.activities.claim.HeldClaim;
import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.transcript.FileTranscripts;
import dev.outlast.activities.transcript.TranscriptLimits;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A small agent in POSIX sh that speaks Claude's stream-json. It notes each call as {@code
 * mode|session|prompt|pid} in {@code ledger} and then does what its body says.
 */
final class ScriptedAgent {

  private static final String HEAD =
      """
      #!/bin/sh
      prompt=; session=; mode=fresh
      while [ $# -gt 0 ]; do
        case "$1" in
          -p) shift; prompt=$1 ;;
          --session-id) shift; session=$1 ;;
          --resume) shift; session=$1; mode=resume ;;
          --continue) session=of-last-time; mode=last ;;
        esac
        shift
      done
      echo "$mode|$session|$prompt|$$" >> ledger
      # Waits for a file, in the folder of the script.
      awaits() {
        until [ -e "$1" ]; do sleep 0.05; done
      }
      init() {
        echo '{"type":"system","subtype":"init","session_id":"'$session'","claude_code_version":"2.1.329"}'
      }
      say() {
        echo '{"type":"assistant","message":{"id":"m1","model":"claude-x","content":[{"type":"text","text":"'"$1"'"}],"usage":{"input_tokens":3,"output_tokens":4}},"session_id":"'$session'"}'
      }
      result() {
        echo '{"type":"result","subtype":"success","is_error":false,"result":"'"$1"'","session_id":"'$session'","total_cost_usd":0.5,"usage":{"input_tokens":10,"output_tokens":20}}'
      }
      error() {
        echo '{"type":"result","subtype":"success","is_error":true,"result":"'"$1"'","session_id":"'$session'","api_error_status":'${2:-null}'}'
        exit 1
      }
      limit() {
        echo '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":'$1',"rateLimitType":"five_hour","isUsingOverage":false},"session_id":"'$session'"}'
        error "You have hit your session limit" 429
      }
      unknown() {
        echo '{"type":"result","subtype":"error_during_execution","is_error":true,"errors":["No conversation found with session ID: '$session'"],"session_id":"'$session'"}'
        exit 1
      }
      """;

  final Path folder;
  final Path script;

  ScriptedAgent(Path folder, String body) throws IOException {
    this.folder = folder.toRealPath();
    this.script = this.folder.resolve("agent.sh");
    Files.writeString(script, HEAD + body);
    if (!script.toFile().setExecutable(true)) {
      throw new IOException("cannot make " + script + " executable");
    }
  }

  /** Lets a script go on that {@code awaits} this file. */
  void goOn(String file) {
    create(folder.resolve(file));
  }

  /** Creates an empty file for whoever waits until it is there. */
  static void create(Path file) {
    try {
      Files.write(file, new byte[0]);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<String> ledger() throws IOException {
    Path ledger = folder.resolve("ledger");
    return Files.exists(ledger) ? Files.readAllLines(ledger) : List.of();
  }

  /** All that a call may need, for the only run that there is. */
  HeldClaim claim() {
    return claim("run", 0);
  }

  HeldClaim claim(String run, long scheduledAt) {
    Claimant who = new Claimant(null, new AgentOwner(run, "execution", "1", 1), 1, scheduledAt);
    try {
      Answer answer =
          ClaimTable.of(folder, AgentRegistry.open(folder), Clock.systemUTC())
              .take(who, "claude", List.of(), folder, true);
      return ((Answer.Granted) answer).claim();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  AgentDefinition definition() {
    return AgentDefinition.newBuilder("claude", "claude")
        .setCommand(List.of(script.toString()))
        .setEnv(List.of("PATH", "HOME"))
        .setAccount("work")
        .build();
  }

  AgentHost host(AccountDefinition... accounts) {
    return host(definition(), Duration.ofMillis(500), accounts);
  }

  AgentHost host(AgentDefinition agent, Duration drainGrace, AccountDefinition... accounts) {
    return newHost(agent, drainGrace, accounts).build();
  }

  AgentHost.Builder newHost(
      AgentDefinition agent, Duration drainGrace, AccountDefinition... accounts) {
    Map<String, AgentDefinition> agents = new LinkedHashMap<>();
    agents.put(agent.name(), agent);
    Map<String, AccountDefinition> byName = new LinkedHashMap<>();
    for (AccountDefinition account : accounts) {
      byName.put(account.name(), account);
    }
    return AgentHost.newBuilder("host-1", folder, folder)
        .setAgents(agents)
        .setAccounts(byName)
        .setZone(ZoneId.of("Europe/Berlin"))
        .setDrainGrace(drainGrace)
        .setEnvironment(
            Map.of(
                "PATH",
                System.getenv("PATH"),
                "HOME",
                folder.toString(),
                "WORK_KEY",
                "sk-very-secret",
                "HIDDEN",
                "not for agents"))
        .setTranscripts(
            new FileTranscripts(
                FileTranscripts.folder(folder), "host-1", TranscriptLimits.DEFAULT));
  }
}
