module.exports = { testMatch: ['**/jest.test.ts'], transform: { '\\.ts$': '@swc/jest' } };
