module.exports = { testMatch: ['**/jest.test.ts'], transform: { '\\.ts$': 'ts-jest' } };
