package dev.outlast.worker.plugin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Timestamp;
import dev.outlast.agent.HostSighting;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.temporal.api.taskqueue.v1.PollerInfo;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueRequest;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueResponse;
import io.temporal.api.workflowservice.v1.GetSystemInfoRequest;
import io.temporal.api.workflowservice.v1.GetSystemInfoResponse;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc;
import io.temporal.client.WorkflowClient;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is made of a server's answer about its pollers. */
class HostSightingTest {

  private static final Instant SERVER = Instant.parse("2026-11-21T03:00:00Z");

  /** This worker's clock is an hour ahead of the server's. */
  private static final Clock AHEAD = Clock.fixed(SERVER.plusSeconds(3600), ZoneOffset.UTC);

  private final Map<String, List<PollerInfo>> pollers = new HashMap<>();
  private Status refusal;
  private Server server;
  private WorkflowServiceStubs stubs;
  private HostWorkers workers;

  @BeforeEach
  void a_server_answers() throws IOException {
    server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(new Answers())
            .build()
            .start();
    stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder()
                .setTarget("127.0.0.1:" + server.getPort())
                .build());
    workers = new HostWorkers("outlast", "here", AHEAD);
    workers.connect(WorkflowClient.newInstance(stubs));
  }

  @AfterEach
  void close() {
    stubs.shutdownNow();
    server.shutdownNow();
  }

  @Test
  void a_living_host_is_not_taken_for_lost_because_clocks_differ() {
    polls("outlast", "1@here", 0);
    polls("outlast", "2@there", 40);
    HostSighting seen = workers.sighting("there");
    assertEquals(SERVER.minusSeconds(40), seen.lastSeen());
    assertEquals(SERVER, seen.observedAt());
  }

  @Test
  void a_worker_that_calls_itself_something_else_is_known_by_the_queue_that_it_polls() {
    polls("outlast", "1@here", 0);
    polls("outlast", "blue", 5);
    polls("outlast@there", "blue", 10);
    assertEquals(SERVER.minusSeconds(10), workers.sighting("there").lastSeen());
  }

  @Test
  void the_latest_of_a_hosts_workers_counts_and_no_other_hosts() {
    polls("outlast", "1@there", 100);
    polls("outlast", "2@there", 50);
    polls("outlast", "3@elsewhere@there2", 1);
    polls("outlast@there", "2@there", 70);
    assertEquals(SERVER.minusSeconds(50), workers.sighting("there").lastSeen());
    assertEquals(null, workers.sighting("here").lastSeen());
  }

  @Test
  void a_server_that_cannot_be_asked_says_nothing_about_a_host() {
    refusal = Status.UNAVAILABLE;
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> workers.sighting("there"));
    assertTrue(e.getMessage().contains("there") && e.getMessage().contains("UNAVAILABLE"));
  }

  private void polls(String queue, String identity, long secondsAgo) {
    pollers
        .computeIfAbsent(queue, any -> new ArrayList<>())
        .add(
            PollerInfo.newBuilder()
                .setIdentity(identity)
                .setLastAccessTime(
                    Timestamp.newBuilder().setSeconds(SERVER.getEpochSecond() - secondsAgo))
                .build());
  }

  private final class Answers extends WorkflowServiceGrpc.WorkflowServiceImplBase {
    @Override
    public void getSystemInfo(
        GetSystemInfoRequest request, StreamObserver<GetSystemInfoResponse> answer) {
      answer.onNext(GetSystemInfoResponse.getDefaultInstance());
      answer.onCompleted();
    }

    @Override
    public void describeTaskQueue(
        DescribeTaskQueueRequest request, StreamObserver<DescribeTaskQueueResponse> answer) {
      if (refusal != null) {
        answer.onError(refusal.asRuntimeException());
        return;
      }
      answer.onNext(
          DescribeTaskQueueResponse.newBuilder()
              .addAllPollers(pollers.getOrDefault(request.getTaskQueue().getName(), List.of()))
              .build());
      answer.onCompleted();
    }
  }
}
