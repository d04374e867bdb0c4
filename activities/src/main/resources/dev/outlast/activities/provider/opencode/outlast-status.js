// Written by Outlast. "opencode run" does not say when it sleeps until an allowance returns; this
// prints the state of its sessions to standard error, one JSON object a line, and changes nothing.
export const OutlastStatus = async () => ({
  event: async ({ event }) => {
    if (event.type !== "session.status" && event.type !== "session.created") return;
    const { sessionID, info, status } = event.properties;
    process.stderr.write(
      JSON.stringify({
        outlast: event.type,
        sessionID: sessionID ?? info?.id,
        parentID: info?.parentID,
        status,
      }) + "\n",
    );
  },
});
