import { redisStorage } from 'passport-polar-sh/redis';

interface OtherClient {
  send(command: string[]): Promise<unknown>;
}
interface OtherCluster {
  send(key: string, isReadOnly: boolean, command: string[]): Promise<unknown>;
}

export const overClient = (client: OtherClient) =>
  redisStorage({ sendCommand: (...command: string[]) => client.send(command) });

/** The node is chosen by the key. */
export const overCluster = (cluster: OtherCluster) =>
  redisStorage({
    sendCommandCluster: ({ key, isReadOnly, command }) => cluster.send(key, isReadOnly, command),
  });
